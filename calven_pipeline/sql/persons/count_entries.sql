-- One row: how many entries the JSON array $entries has. Reads nothing.
-- For the metadata of a run.
select json_array_length($entries)
