-- One row per field name within the objects at $path, the most frequent first. Reads answered.
-- See field_names.
select name
from (select unnest(json_keys(details, $path)) as name from answered)
group by name
order by count(*) desc, name
limit 1000
