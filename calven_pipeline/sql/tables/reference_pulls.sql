-- One row per reference table: its last pull that was taken.
-- Reads nothing.
create table if not exists reference_pulls (
    resource varchar not null, pulled_at timestamp not null, row_count bigint not null, size_bytes bigint not null,
    sha256 varchar not null
);
