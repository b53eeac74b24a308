-- One row: the hash of the statements that made the tables, so that an opening does not run them all again.
-- Reads nothing.
create table if not exists schema_version (sha256 varchar not null)
