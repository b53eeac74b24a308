-- Removes every note of what is not written. Reads analytics.pipeline.owed.
-- After it was written.
delete from analytics.pipeline.owed
