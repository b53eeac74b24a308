-- One row: the hash of the statements that put up comments and views. Reads analytics.pipeline.described.
-- None in a new file.
select sha256 from analytics.pipeline.described
