-- One row per local day with rows. Reads analytics.daily_presence.
-- Null is the day of rows without one.
select distinct local_date from analytics.daily_presence order by local_date
