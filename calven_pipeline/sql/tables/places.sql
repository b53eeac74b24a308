-- One row per source and mapped door or reader (small letters); a target of null means not mapped.
-- Reads nothing.
create table if not exists places (
    source varchar not null, source_place_key varchar not null, location_id varchar, location_type varchar
);
