-- One number per place not seen before; spaces, which cannot be pulled, are known by being named.
-- Reads current_places, staged_presence, places, sources.
insert into known_locations
with named as (
    select location_id, location_type from current_places
    union all
    select location_id, location_type from staged_presence
    where row_id > $last_row_judged and location_type = 'space' and location_id is not null
    union all
    select location_id, 'space' from places where coalesce(location_type, 'space') = 'space' and location_id is not null
    union all
    select json_extract_string(rules, '$.fallback.location_id'), 'space'
    from sources
    where json_extract_string(rules, '$.fallback.location_type') = 'space'
),
unknown as (
    select lower(n.location_id) as id, n.location_type, any_value(n.location_id) as location_id
    from named n
        left join known_locations k on lower(k.location_id) = lower(n.location_id) and k.location_type = n.location_type
    where k.location_key is null
    group by all
)
select
    (select coalesce(max(location_key), 0) from known_locations) + row_number() over (order by id, location_type),
    location_id, location_type
from unknown
