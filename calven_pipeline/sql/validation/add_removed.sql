-- One row per event id of a new row that stood in a removed row. Reads removed_events.
-- The row that came first counts, whether it is still there or not.
insert into repeats select event_key, row_id from removed_events
