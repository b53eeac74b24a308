-- One row: the pull of that table that analysts see from now on. Reads nothing.
-- In the transaction that takes it in.
insert into analytics.pipeline.pulled values ($resource, $sha256, $pulled_at)
