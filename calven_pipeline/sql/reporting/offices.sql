-- One row per office that is shown, the fullest first: least and most that the mean of its days can be, and its desks. Reads temp
-- office_days, open_days, all_locations.
-- Everything follows from the counts that are shown: a hidden count is anything from 1 to the smallest group less 1. Where the most is
-- smaller than the smallest group, both are null, as all else that small is.
with counted as (
    select
        office_key, avg(coalesce(people, 1)) as least, avg(coalesce(people, $smallest_group - 1)) as most, max(people) as most_people,
        arg_max(local_date, (people, -epoch(local_date))) filter (where people > 0) as fullest_date,
        count(*) filter (where people is null) as hidden_days
    from office_days join open_days using (local_date)
    group by office_key
),
told as (
    select
        * exclude (least, most),
        case when most >= $smallest_group then round(least, if(hidden_days = 0, 1, 0)) end as people_per_day,
        case when most >= $smallest_group then round(most, if(hidden_days = 0, 1, 0)) end as most_per_day
    from counted
),
named as (
    select lower(location_id) as office_key, max(location_name) as office_name, max(desks) as desks
    from all_locations
    where location_type = 'location'
    group by office_key
)
select
    c.office_key, coalesce(n.office_name, nullif(c.office_key, ''), 'In no known office') as office_name,
    c.people_per_day, c.most_per_day, c.most_people, c.fullest_date, c.hidden_days,
    nullif(n.desks, 0) as desks, round(100 * c.people_per_day / nullif(n.desks, 0))::integer as percent_of_desks,
    round(100 * c.most_per_day / nullif(n.desks, 0))::integer as most_percent_of_desks
from told c left join named n using (office_key)
order by c.people_per_day desc nulls last, office_name, c.office_key
