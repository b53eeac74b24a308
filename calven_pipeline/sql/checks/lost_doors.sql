-- One row per door that stands for nowhere now: its source and its name, as many as are told. Reads lost_mappings, staged_presence,
-- export_files. A door is nobody's.
select f.source, s.place
from lost_mappings m
    join staged_presence s on s.row_id = m.row_id
    join export_files f on f.file_id = s.file_id
where m.ours = 'place'
order by f.source, s.place
limit $most
