-- One row per table that changed since it was last written. Reads analytics.pipeline.owed.
-- Or that was never written.
select distinct table_name from analytics.pipeline.owed order by table_name
