-- One row per local day and location where Calven accepted events. Reads daily_presence, all_locations.
-- An event at a desk counts for its zone, level and office too, one in a zone for its level and office, one on a level for its office,
-- and never the other way round. Whoever was at two desks of a zone is one person there. Persons and areas are counted by numbers: two
-- thirds of the time that their ids take. Days are not materialized, so that only those asked for are read (10,000,000 rows: 0.3 s
-- instead of 6).
with people as materialized (
    select user_id, dense_rank() over (order by lower(user_id)) as person
    from (select distinct user_id from daily_presence)
),
located as (
    select
        n.location_id, n.location_type,
        coalesce(l.zone_id, case n.location_type when 'zone' then n.location_id end) as zone_id,
        coalesce(l.level_id, case n.location_type when 'level' then n.location_id end) as level_id,
        coalesce(l.office_id, case n.location_type when 'location' then n.location_id end) as office_id
    from (select distinct location_id, location_type from daily_presence) n
        left join all_locations l on lower(l.location_id) = lower(n.location_id) and l.location_type = n.location_type
),
places as materialized (
    select
        *,
        dense_rank() over (order by location_type, lower(location_id)) as place,
        case when zone_id is not null then dense_rank() over (order by lower(zone_id)) end as zone,
        case when level_id is not null then dense_rank() over (order by lower(level_id)) end as level,
        case when office_id is not null then dense_rank() over (order by lower(office_id)) end as office
    from located
),
seen as not materialized (
    select d.local_date, d.events, d.first_seen_at, d.last_seen_at, p.person, a.*
    from daily_presence d
        join people p on p.user_id is not distinct from d.user_id
        join places a on a.location_id is not distinct from d.location_id and a.location_type is not distinct from d.location_type
),
counted as (
    select
        local_date, 'location' as location_type, any_value(office_id) as location_id, count(distinct person) as people,
        sum(events)::bigint as events, min(first_seen_at) as first_seen_at, max(last_seen_at) as last_seen_at
    from seen
    where office is not null
    group by local_date, office
    union all
    select
        local_date, 'level', any_value(level_id), count(distinct person),
        sum(events)::bigint, min(first_seen_at), max(last_seen_at)
    from seen
    where level is not null
    group by local_date, level
    union all
    select
        local_date, 'zone', any_value(zone_id), count(distinct person),
        sum(events)::bigint, min(first_seen_at), max(last_seen_at)
    from seen
    where zone is not null
    group by local_date, zone
    union all
    select
        local_date, any_value(location_type), any_value(location_id), count(*),
        sum(events)::bigint, min(first_seen_at), max(last_seen_at)
    from seen
    where location_type in ('place', 'space')
    group by local_date, place
)
select
    c.local_date, c.location_type, c.location_id, l.location_name, l.office_name,
    c.people, c.events, c.first_seen_at, c.last_seen_at
from counted c
    left join all_locations l on lower(l.location_id) = lower(c.location_id) and l.location_type = c.location_type
