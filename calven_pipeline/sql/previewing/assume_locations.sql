-- One row per place that rows, the places table or the fallback name as a location. Reads staged_presence, named_places.
-- Where nobody was pulled yet; what they name is then known.
insert into locations (location_id, pulled_at)
with named as (
    select location_id, location_type from staged_presence
    union all
    select location_id, location_type from named_places
    union all
    select $fallback_id, $fallback_type
)
select distinct location_id, now()::timestamp from named where location_id is not null and location_type = 'location'
