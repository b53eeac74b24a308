-- One row per place ever pulled or sent, with its type: a small number stands for it in every table that grows.
-- Reads nothing.
create table if not exists known_locations (
    location_key integer not null, location_id varchar not null, location_type varchar not null
);
