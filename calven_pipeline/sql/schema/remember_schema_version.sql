-- One row: the hash of the statements that made the tables. Reads nothing.
-- Once all of them have run.
insert into schema_version values ($sha256)
