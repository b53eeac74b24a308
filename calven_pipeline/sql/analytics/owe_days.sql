-- One row per touched day of that table. Reads touched_days, analytics.pipeline.owed.
-- In the transaction that changed them.
insert into analytics.pipeline.owed
select $table_name, local_date from touched_days
except
select table_name, local_date from analytics.pipeline.owed
