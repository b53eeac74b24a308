-- One row: that table is not written yet as it is now. Reads analytics.pipeline.owed.
-- In the transaction that changed it.
insert into analytics.pipeline.owed
select $table_name, null where $table_name not in (select table_name from analytics.pipeline.owed)
