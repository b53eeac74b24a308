-- One JSON array: the person's rows as they were read. Reads staged_presence, person_rows, export_files.
-- `names_others`: somebody else stands in the row too.
select coalesce(to_json(list(t order by t.row_id)), '[]')::varchar
from (
    select
        f.source, f.source_file, s.row_id - f.first_row_id + 1 as row_number, coalesce(s.event_id, s.event_key::varchar) as event_id,
        s.* exclude (event_key, event_id) replace (iso_utc(s.occurred_at) as occurred_at), r.names_others
    from staged_presence s
        join person_rows r on r.row_id = s.row_id
        join export_files f on f.file_id = s.file_id
    where r.is_theirs
) t
