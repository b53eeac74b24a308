-- One row: up to which revision and row the analysts' tables hold everything. Reads analytics.pipeline.synced.
-- Zeros for a new file.
select coalesce(max(revision), 0), coalesce(max(last_row_id), 0) from analytics.pipeline.synced
