-- One row: how many local days have changed or new rows. Reads touched_days.
-- Without any, presence stays as it is.
select count(*) from touched_days
