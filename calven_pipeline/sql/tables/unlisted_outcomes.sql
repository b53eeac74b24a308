-- One row per source and set of outcomes (JSON) that its profile did not list when a row with them was read: what the profile said
-- of them last (granted, ignored or unlisted), and the hash of what it lists.
create table if not exists unlisted_outcomes (
    source varchar not null, unlisted varchar not null, listing varchar not null, outcomes_sha256 varchar
);
