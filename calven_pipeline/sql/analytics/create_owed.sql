-- One row per table, and local day of it where its Parquet files are one a day, that is not written yet. Reads nothing.
-- Kept up whether Parquet is written or not, so that it can be written at any time.
create table if not exists analytics.pipeline.owed (table_name varchar, local_date date)
