-- At most one row: the folder that the Parquet files were last written to. Reads analytics.pipeline.written.
-- In another one, nothing is written yet.
select folder from analytics.pipeline.written
