-- One row per run of touched days with about so many rows in all: the first and the last of them. Reads analytics.presence, touched_days.
-- Days are counted run by run, so that memory does not follow the number of rows.
with counted as (
    select local_date, count(*) as row_count from analytics.presence where local_date in (from touched_days) group by local_date
),
placed as (select local_date, sum(row_count) over (order by local_date) // $rows_at_once as part from counted)
select min(local_date), max(local_date) from placed group by part order by 1
