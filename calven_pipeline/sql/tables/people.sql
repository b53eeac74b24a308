-- One row per source and mapped badge or employee number (small letters); a target of null means not mapped.
-- Reads nothing.
create table if not exists people (source varchar not null, source_user_key varchar not null, user_id varchar, user_email varchar);
