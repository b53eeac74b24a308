-- One row per local day in which the accepted rows may differ. Reads final_rows and what analysts saw of those rows.
-- Those days are counted again.
create or replace temp table touched_days as
select distinct local_date from final_rows where local_date is not null
