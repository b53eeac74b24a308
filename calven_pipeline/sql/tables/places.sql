-- One row per source and mapped door or reader (small letters); a target of null means not mapped. A key with `*` or `?` stands
-- for every door that fits it; `position` tells which of them comes first in the file.
create table if not exists places (
    source varchar not null, source_place_key varchar not null, location_id varchar, location_type varchar, position bigint
);
