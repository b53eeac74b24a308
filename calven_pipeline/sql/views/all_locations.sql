-- One row per office, level, zone and desk known to Calven at the last pull. Reads locations, desks.
-- Calven lists offices and desks; levels and zones are those that desks stand in. An id in capitals is the same id.
with stands as (
    select
        desk_id, zone_id, level_id, extra ->> '$.locationId' as office_id,
        coalesce(extra ->> '$.deskName', extra ->> '$.name') as desk_name,
        extra ->> '$.zoneName' as zone_name, extra ->> '$.levelName' as level_name,
        lower(zone_id) as zone_key, lower(level_id) as level_key, lower(office_id) as office_key
    from desks
),
offices as (
    select
        lower(location_id) as office_key, max(location_id) as office_id,
        max(coalesce(extra ->> '$.locationName', extra ->> '$.name')) as office_name
    from locations
    group by office_key
),
located as (
    select s.* exclude (office_id), coalesce(o.office_id, s.office_id) as office_id, o.office_name
    from stands s left join offices o using (office_key)
),
listed as (
    select
        o.office_id as location_id, 'location' as location_type, o.office_name as location_name,
        null::varchar as zone_id, null::varchar as level_id, o.office_id, o.office_name, count(l.desk_id) as desks
    from offices o left join located l using (office_key)
    group by o.office_key, o.office_id, o.office_name
    union all
    select
        max(level_id), 'level', max(level_name), null, max(level_id), max(office_id), max(office_name), count(*)
    from located
    where level_key is not null
    group by level_key
    union all
    select
        max(zone_id), 'zone', max(zone_name), max(zone_id), max(level_id), max(office_id), max(office_name), count(*)
    from located
    where zone_key is not null
    group by zone_key
    union all
    select desk_id, 'place', desk_name, zone_id, level_id, office_id, office_name, 1 from located
)
select location_id, location_type, location_name, zone_id, level_id, office_id, office_name, desks from listed
