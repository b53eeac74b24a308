-- One row per source and key of its people or places table that its profile normalises: the steps in their order. Reads sources.
-- A source that left sources.yaml keeps the steps of its last profile, with which its tables' keys are written.
select source, 'source_user_id' as ours, json_extract_string(rules, '$.normalize.source_user_id[*]') as steps
from sources
where has_people and json_exists(rules, '$.normalize.source_user_id')
union all
select source, 'place', json_extract_string(rules, '$.normalize.place[*]')
from sources
where has_places and json_exists(rules, '$.normalize.place')
order by all
