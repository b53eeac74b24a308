-- One row: the hash of the statements that made the tables. Reads schema_version.
-- There is no such table in a new file, and in one of earlier versions.
select sha256 from schema_version
