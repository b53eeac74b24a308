-- One row per source with badges that stand for nobody now: how many. Reads lost_mappings, staged_presence, export_files.
-- Counts: a badge is somebody's.
select f.source, count(*)
from lost_mappings m
    join staged_presence s on s.row_id = m.row_id
    join export_files f on f.file_id = s.file_id
where m.ours = 'source_user_id'
group by f.source
order by f.source
