-- One row per source whose places table holds patterns. Reads places.
-- `*` stands for any text, `?` for one character.
select distinct source
from places
where contains(source_place_key, '*') or contains(source_place_key, '?')
order by source
