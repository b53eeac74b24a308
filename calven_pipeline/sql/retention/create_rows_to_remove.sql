-- Holds one row per row that is to be removed. Reads nothing.
-- Filled by whoever decides which.
create or replace temp table rows_to_remove (row_id bigint)
