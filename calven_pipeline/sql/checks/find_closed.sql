-- One row per badge or door whose rejection is no longer open, or no longer for that reason: a heal, a dismissal, a removed row.
-- Reads lost_mappings, rejections.
create or replace temp table closed_mappings as
from lost_mappings
where (row_id, ours) not in (
    select (r.row_id, m.ours)
    from lost_mappings m join rejections r on r.row_id = m.row_id
    where
        r.status = 'open'
        and list_contains(r.reasons, case m.ours when 'place' then 'unmapped_place' else 'unmapped_person' end)
)
