-- One row per desk, zone or level that rows, the places table or the fallback name. Reads staged_presence, named_places.
-- Where nobody was pulled yet; each stands at a desk of its own.
insert into desks (desk_id, zone_id, level_id, pulled_at)
with named as (
    select location_id, location_type from staged_presence
    union all
    select location_id, location_type from named_places
    union all
    select $fallback_id, $fallback_type
)
select distinct
    case when location_type = 'place' then location_id else 'assumed ' || location_id end,
    case when location_type = 'zone' then location_id end,
    case when location_type = 'level' then location_id end,
    now()::timestamp
from named
where location_id is not null and location_type in ('place', 'zone', 'level')
