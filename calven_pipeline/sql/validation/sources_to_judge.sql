-- One row per source whose profile has outcomes to judge, and whether some were known. Reads outcomes_to_judge.
-- A profile that is gone judges no more.
select source, bool_or(is_known) from outcomes_to_judge group by source order by source
