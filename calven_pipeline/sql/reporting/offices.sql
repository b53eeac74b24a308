-- One row per office that is shown, the fullest first: the mean of its days, and its desks. Reads temp office_days, open_days, all_locations.
-- Everything follows from the counts that are shown: a hidden count is left out of the mean. A mean that is smaller than the smallest
-- group is null too, as all else that small is.
with counted as (
    select
        office_key, case when avg(people) >= $smallest_group then round(avg(people), 1) end as people_per_day, max(people) as most_people,
        arg_max(local_date, (people, -epoch(local_date))) filter (where people > 0) as fullest_date,
        count(*) filter (where people is null) as hidden_days
    from office_days join open_days using (local_date)
    group by office_key
),
named as (
    select lower(location_id) as office_key, max(location_name) as office_name, max(desks) as desks
    from all_locations
    where location_type = 'location'
    group by office_key
)
select
    c.office_key, coalesce(n.office_name, nullif(c.office_key, ''), 'In no known office') as office_name,
    c.people_per_day, c.most_people, c.fullest_date, c.hidden_days,
    nullif(n.desks, 0) as desks, round(100 * c.people_per_day / nullif(n.desks, 0))::integer as percent_of_desks
from counted c left join named n using (office_key)
order by c.people_per_day desc nulls last, office_name, c.office_key
