-- One row per location, level, zone and desk: what Calven calls it. Reads locations, desks.
-- Names are fields that Calven does not publish for good; where one is missing there is none.
create or replace temp table place_names as
with named as (
    select location_id as id, 'location' as location_type, extra ->> '$.locationName' as name from locations
    union all select level_id, 'level', extra ->> '$.levelName' from desks
    union all select zone_id, 'zone', extra ->> '$.zoneName' from desks
    union all select desk_id, 'place', extra ->> '$.deskName' from desks
)
select lower(id) as id, location_type, any_value(name) as name from named where id is not null and name is not null group by all
