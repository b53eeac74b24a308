-- One row per id of a place at the last pull, with its type. Reads current_places.
-- For ids that are named with another type.
create or replace temp table place_ids as
select id, min(location_type) as location_type from current_places group by id
