-- Removes the days that are counted again. Reads touched_days.
-- In the transaction that counts them.
delete from analytics.daily_presence where local_date in (from touched_days)
