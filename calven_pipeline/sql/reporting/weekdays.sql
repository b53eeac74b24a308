-- One row per office that is shown and weekday on which any was open: the mean of its days. Reads temp office_days, open_days.
-- A hidden count is left out of the mean; a mean that is smaller than the smallest group, or of hidden counts alone, is null.
with counted as (
    select office_key, isodow(local_date)::integer as weekday, avg(people) as people
    from office_days join open_days using (local_date)
    group by office_key, weekday
)
select office_key, weekday, case when people = 0 or people >= $smallest_group then round(people)::integer end as people
from counted
order by office_key, weekday
