-- At most one row: the last pull of that table, its hash and when it came. Reads reference_pulls.
-- None before the first.
select sha256, pulled_at from reference_pulls where resource = $resource
