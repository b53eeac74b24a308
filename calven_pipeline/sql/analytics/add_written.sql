-- One row: the folder that the Parquet files were written to. Reads nothing.
-- In the transaction that forgets what was owed.
insert into analytics.pipeline.written values ($folder)
