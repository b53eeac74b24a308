-- Removes the hash of the statements that made the tables. Reads schema_version.
-- In the transaction that writes the one of today.
delete from schema_version
