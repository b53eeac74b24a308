-- One row per content ever fingerprinted, so that an unchanged file is not hashed again, nor an archive opened.
-- Size and time of change are those of the file in the drop folder: the `container`, where it holds `source_file`.
-- `sha256` is empty for what could not be read in a container.
create table if not exists known_paths (
    source varchar not null,
    source_file varchar not null,
    size_bytes bigint not null,
    modified_ns bigint not null,
    sha256 varchar not null,
    container varchar
);
