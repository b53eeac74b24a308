-- One row: the hash of the statements that put up comments and views. Reads nothing.
-- In the transaction that ran them.
insert into analytics.pipeline.described values ($sha256)
