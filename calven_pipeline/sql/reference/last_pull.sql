-- At most one row: how many rows the last pull of a resource had, and when it came. Reads reference_pulls.
-- The table still serves where a new pull is refused.
select row_count, pulled_at from reference_pulls where resource = $resource
