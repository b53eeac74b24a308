-- Removes the events that are settled. Reads answers, noted.
-- In the transaction that writes their answers.
delete from outbox
where
    call_id in (select call_id from noted)
    and row_id in (select row_id from answers where revision = $revision and call_id in (select call_id from noted))
