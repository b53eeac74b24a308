-- Removes the folder of the last time. Reads analytics.pipeline.written.
-- In the transaction that remembers another.
delete from analytics.pipeline.written
