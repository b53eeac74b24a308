-- One row per local day on which anybody was seen anywhere, and office, level and zone with desks. Reads presence_by_day, all_locations.
-- A day without people there has a row too, so that means are right. Only an event at a desk uses a desk.
with days as (select distinct local_date from daily_presence),
areas as (
    select *, lower(location_id) as area_key from all_locations where location_type in ('location', 'level', 'zone') and desks > 0
),
seen as not materialized (
    select local_date, location_type, lower(location_id) as area_key, people
    from presence_by_day
    where location_type in ('location', 'level', 'zone')
),
stands as (
    select d.location_id as desk_id, a.location_type, a.area_key
    from all_locations d
        join areas a on a.area_key = lower(
            case a.location_type when 'zone' then d.zone_id when 'level' then d.level_id else d.office_id end
        )
    where d.location_type = 'place'
),
desks_seen as not materialized (
    select distinct local_date, lower(location_id) as desk_key from daily_presence where location_type = 'place'
),
used as not materialized (
    select d.local_date, s.location_type, s.area_key, count(*) as desks_used
    from desks_seen d join stands s on lower(s.desk_id) = d.desk_key
    group by d.local_date, s.location_type, s.area_key
)
select
    d.local_date, a.location_type, a.location_id, a.location_name, a.office_name, a.desks,
    coalesce(u.desks_used, 0) as desks_used, coalesce(s.people, 0) as people,
    round(coalesce(s.people, 0) / a.desks, 4) as people_per_desk
from days d
    cross join areas a
    left join seen s on s.local_date = d.local_date and s.location_type = a.location_type and s.area_key = a.area_key
    left join used u on u.local_date = d.local_date and u.location_type = a.location_type and u.area_key = a.area_key
