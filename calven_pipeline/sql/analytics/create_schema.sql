-- A schema of our own in the analysts' file, so that they see only their tables. Reads nothing.
-- It holds what the next snapshot must know.
create schema if not exists analytics.pipeline
