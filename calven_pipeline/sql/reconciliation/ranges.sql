-- One row per range of days to ask for, in order. Reads asked.
-- Both ends included.
select first_day, last_day from asked order by first_day
