-- One row per reference table: the pull that analysts see. Reads nothing.
-- Where it is the last one still, the table stays.
create table if not exists analytics.pipeline.pulled (resource varchar, sha256 varchar, pulled_at timestamp)
