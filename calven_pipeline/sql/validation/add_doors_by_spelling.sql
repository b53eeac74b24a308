-- One row per door that no key of its source's places table names as it was staged, but one does as it is written today.
-- Reads spellings, places, doors. Before the patterns: the very key comes first.
insert into doors
select n.source, n.staged, p.location_id, p.location_type
from spellings n join places p on p.source = n.source and p.source_place_key = n.spelling
where n.ours = 'place' and (n.source, n.staged) not in (select (source, door) from doors)
