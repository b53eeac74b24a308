-- One row per snapshot that changed anything. Reads nothing.
-- In the transaction that changed it.
insert into analytics.pipeline.synced values ($revision, $last_row_id, now() at time zone 'UTC')
