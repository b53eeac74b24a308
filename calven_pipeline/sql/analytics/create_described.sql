-- One row: the hash of the statements that put up comments and views. Reads nothing.
-- Where it is another one now, they are run again; tables stay as they are.
create table if not exists analytics.pipeline.described (sha256 varchar)
