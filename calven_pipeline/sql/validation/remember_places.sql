-- One row per door or reader of one source. Reads mapped_places.
-- Keys compare without case.
insert into places by name
select $source as source, lower(source_place) as source_place_key, location_id, location_type, position
from mapped_places
where source_place is not null
