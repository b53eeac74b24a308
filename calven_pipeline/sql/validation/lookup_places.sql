-- One row per id and type that an event may name: places at the last pull, and spaces. Reads current_places, known_locations.
-- A space cannot be checked, so every space that an export names is one.
create or replace temp table places_by_type as
select lower(k.location_id) as id, k.location_type, k.location_key
from known_locations k
    left join current_places c on c.id = lower(k.location_id) and c.location_type = k.location_type
where k.location_type = 'space' or c.id is not null
