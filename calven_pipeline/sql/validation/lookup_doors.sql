-- One row per source and door or reader (small letters): where the places table says it is. Reads places.
-- Doors that only a pattern fits are added where there are patterns.
create or replace temp table doors as
select source, source_place_key as door, location_id, location_type from places
