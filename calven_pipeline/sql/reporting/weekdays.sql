-- One row per office that is shown and weekday on which any was open: least and most that the mean of its days can be. Reads temp
-- office_days, open_days.
-- A hidden count is anything from 1 to the smallest group less 1, so both follow from what is shown. Null where the most is smaller than
-- the smallest group; nobody on all of the days is 0.
with counted as (
    select
        office_key, isodow(local_date)::integer as weekday,
        avg(coalesce(people, 1)) as least, avg(coalesce(people, $smallest_group - 1)) as most
    from office_days join open_days using (local_date)
    group by office_key, weekday
)
select
    office_key, weekday,
    case when most = 0 or most >= $smallest_group then round(least)::integer end as people,
    case when most = 0 or most >= $smallest_group then round(most)::integer end as most_people
from counted
order by office_key, weekday
