-- One row per snapshot that changed anything. Reads nothing.
-- Up to which revision and row it went.
create table if not exists analytics.pipeline.synced (revision integer, last_row_id bigint, synced_at timestamp)
