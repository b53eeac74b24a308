-- One row per weekday and office, level and zone where anybody was seen on such a weekday. Reads presence_by_day, all_locations.
-- Means are over all local days of that weekday on which anybody was seen anywhere: a day without people there counts as one.
with days as (
    select isodow(local_date) as weekday, count(*) as days
    from (select distinct local_date from daily_presence)
    group by weekday
),
seen as (
    select
        isodow(local_date) as weekday, location_type, lower(location_id) as location_key,
        max(location_id) as location_id, max(location_name) as location_name, max(office_name) as office_name,
        sum(people) as people, max(people) as most_people
    from presence_by_day
    where location_type in ('location', 'level', 'zone')
    group by isodow(local_date), location_type, lower(location_id)
)
select
    s.weekday::integer as weekday, ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][s.weekday] as weekday_name,
    s.location_type, s.location_id, s.location_name, s.office_name, d.days,
    round(s.people / d.days, 2) as people_per_day, s.most_people,
    l.desks, round(s.people / d.days / nullif(l.desks, 0), 4) as people_per_desk
from seen s
    join days d using (weekday)
    left join all_locations l on lower(l.location_id) = s.location_key and l.location_type = s.location_type
