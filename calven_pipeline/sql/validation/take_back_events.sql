-- Takes the events that are about to be judged again out of the outbox. Reads rows_to_recheck.
-- They were never sent, and come back with the same event id where they are still valid.
delete from outbox where row_id in (from rows_to_recheck)
