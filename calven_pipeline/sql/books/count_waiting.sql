-- One row: events in the outbox that Calven has not accepted, which is what `pending` counts. Reads outbox, answers.
-- An accepted event that is being sent again is no pending one.
select
    (select count(*) from outbox)
    - (select count(distinct row_id) from answers where accepted and row_id in (select row_id from outbox))
