-- One row per local day with rows. Reads analytics.presence.
-- Null is the day of rows without one.
select distinct local_date from analytics.presence order by local_date
