-- One row: how many rows have a verdict. Reads validated_presence.
-- For the metadata of a run; DuckDB answers it without reading a column.
select count(*) from validated_presence
