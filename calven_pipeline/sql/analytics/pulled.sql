-- At most one row: the pull that analysts see of that table, its hash and when it came. Reads analytics.pipeline.pulled.
-- None in a new file.
select sha256, pulled_at from analytics.pipeline.pulled where resource = $resource
