-- One row per reference table that was ever pulled: when. Reads reference_pulls.
-- UTC.
select resource, pulled_at from reference_pulls order by resource
