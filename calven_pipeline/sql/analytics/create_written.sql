-- At most one row: the folder that the Parquet files were last written to. Reads nothing.
-- In another one, nothing is written yet.
create table if not exists analytics.pipeline.written (folder varchar)
