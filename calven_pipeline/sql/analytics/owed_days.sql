-- One row per local day of that table that changed since it was last written. Reads analytics.pipeline.owed.
-- Null is the day of rows without one.
select local_date from analytics.pipeline.owed where table_name = $table_name order by local_date
