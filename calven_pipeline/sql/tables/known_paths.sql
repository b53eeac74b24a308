-- One row per path ever fingerprinted, so that an unchanged file is not hashed again.
-- Reads nothing.
create table if not exists known_paths (
    source varchar not null,
    source_file varchar not null,
    size_bytes bigint not null,
    modified_ns bigint not null,
    sha256 varchar not null
);
