-- Removes the hash of the last time. Reads analytics.pipeline.described.
-- In the transaction that remembers the new one.
delete from analytics.pipeline.described
