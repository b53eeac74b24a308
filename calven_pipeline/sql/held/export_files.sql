-- One JSON array: the exports that the person's rows were read from. Reads export_files, staged_presence, person_rows.
-- With how many rows.
select coalesce(to_json(list(t order by t.source, t.source_file)), '[]')::varchar
from (
    select f.source, f.source_file, iso_utc(any_value(f.staged_at)) as staged_at, count(*) as row_count
    from person_rows r
        join staged_presence s on s.row_id = r.row_id
        join export_files f on f.file_id = s.file_id
    where r.is_theirs
    group by f.source, f.source_file
) t
