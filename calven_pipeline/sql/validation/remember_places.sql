-- One row per door or reader of one source. Reads mapped_places.
-- Keys compare without case.
insert into places
select $source, lower(source_place), location_id, location_type from mapped_places where source_place is not null
