-- One row: events in the outbox that were never tried, and those that wait for their next try. Reads outbox.
-- None is in flight between two runs.
select count(*) filter (last_call_id is null), count(*) filter (last_call_id is not null) from outbox
