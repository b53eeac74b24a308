-- One row per source ever seen, with what validation must know of its profile. `rules` is null for a profile without `granted`,
-- `ignored`, `fallback`, `collapse` and `normalize`; else JSON: a hash of the first two, and the others as they stand.
create table if not exists sources (
    source varchar not null,
    source_id varchar not null,
    has_people boolean not null,
    has_places boolean not null,
    corrects_email_case boolean not null,
    mappings_sha256 varchar not null,
    rules varchar
);
