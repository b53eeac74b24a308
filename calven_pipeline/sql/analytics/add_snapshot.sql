-- One row: of when everything in this file was true, and who wrote it. Reads nothing.
-- In the transaction that made it true.
insert into analytics.snapshot values ($as_of, $run_id, $schema_version, $pipeline_version, $people)
