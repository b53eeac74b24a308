-- One row per field name in an answer, the most frequent first. Reads answered.
-- Names alone, no values; an answer that is keyed by something else than names has too many.
select name
from (select unnest(json_keys(details)) as name from answered)
group by name
order by count(*) desc, name
limit 1000
