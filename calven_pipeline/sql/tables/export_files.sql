-- One row per export file read; the same content is read once per source.
-- Reads nothing. `read_as`: what decided which row is which, null for files of version 0.1.0's first weeks.
create table if not exists export_files (
    file_id integer not null,
    source varchar not null,
    source_id varchar not null,
    source_file varchar not null,
    sha256 varchar not null,
    size_bytes bigint not null,
    row_count bigint not null,
    first_row_id bigint not null,
    staged_at timestamp not null,
    read_as varchar
);
