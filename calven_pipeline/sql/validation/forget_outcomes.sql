-- Removes what one source's profile said of the outcomes that it judges anew. Reads outcomes_to_judge.
-- They are written anew right after.
delete from unlisted_outcomes
where source = $source and unlisted in (select unlisted from outcomes_to_judge where source = $source)
