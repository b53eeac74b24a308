-- One row per badge or door whose rejection was closed while another of its rows is still rejected for it: the newest of these.
-- Reads closed_mappings, rejections, staged_presence, export_files.
insert into lost_mappings
with closed as (
    select f.source, c.ours, lower(case c.ours when 'place' then s.place else s.source_user_id end) as key
    from closed_mappings c
        join staged_presence s on s.row_id = c.row_id
        join export_files f on f.file_id = s.file_id
),
open_rows as (
    select r.row_id, r.reasons, f.source, s.place, s.source_user_id
    from rejections r
        join staged_presence s on s.row_id = r.row_id
        join export_files f on f.file_id = s.file_id
    where r.status = 'open' and list_has_any(r.reasons, ['unmapped_person', 'unmapped_place'])
)
select max(o.row_id), c.ours
from closed c join open_rows o
    on o.source = c.source
    and lower(case c.ours when 'place' then o.place else o.source_user_id end) = c.key
    and list_contains(o.reasons, case c.ours when 'place' then 'unmapped_place' else 'unmapped_person' end)
group by c.source, c.ours, c.key
