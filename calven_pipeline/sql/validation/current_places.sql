-- One row per id and type of a location, level, zone or place at the last pull. Reads locations, desks.
-- A desk names its zone and its level; a `place` is a desk (published hierarchy).
create or replace temp table current_places as
with named as (
    select location_id, 'location' as location_type from locations
    union all select level_id, 'level' from desks where level_id is not null
    union all select zone_id, 'zone' from desks where zone_id is not null
    union all select desk_id, 'place' from desks
)
select lower(location_id) as id, location_type, any_value(location_id) as location_id from named group by all
