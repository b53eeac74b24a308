-- One number per place not seen before; spaces, which cannot be pulled, are known by being named in an export.
-- Reads current_places, staged_presence, places.
insert into known_locations
with named as (
    select location_id, location_type from current_places
    union all
    select location_id, location_type from staged_presence
    where row_id > $last_row_judged and location_type = 'space' and location_id is not null
    union all
    select location_id, location_type from places where location_type = 'space' and location_id is not null
    union all
    select s.location_id, p.location_type
    from staged_presence s join export_files f using (file_id)
        join places p on p.source = f.source and p.source_place_key = lower(s.place)
    where s.row_id > $last_row_judged and p.location_type = 'space' and s.location_id is not null
),
unknown as (
    select lower(location_id) as id, location_type, any_value(location_id) as location_id
    from named
    where (lower(location_id), location_type) not in (select (lower(location_id), location_type) from known_locations)
    group by all
)
select
    (select coalesce(max(location_key), 0) from known_locations) + row_number() over (order by id, location_type),
    location_id, location_type
from unknown
