-- One row per export that rows of the person were read from: its path, null where that itself holds what stands for them, and how
-- many rows. Reads person_rows, person, staged_presence, export_files.
select
    case when exists (select 1 from person p where length(p.value) >= 3 and contains(lower(f.source_file), p.value)) then null
        else f.source_file end as source_file,
    count(*) as row_count
from person_rows r
    join staged_presence s on s.row_id = r.row_id
    join export_files f on f.file_id = s.file_id
where r.is_theirs
group by f.file_id, f.source_file
order by f.source_file, f.file_id
