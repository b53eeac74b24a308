-- One row: how many rows are staged. Reads staged_presence.
-- For the metadata of a run; DuckDB answers it without reading a column.
select count(*) from staged_presence
