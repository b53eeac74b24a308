-- One row per resource that was ever pulled. Reads reference_pulls.
-- Validation needs all three.
select resource from reference_pulls order by resource
