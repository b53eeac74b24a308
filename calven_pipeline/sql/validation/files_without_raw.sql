-- One row per file with rejections whose original text is not kept yet, as it lay in the drop folder when it was read, and
-- whether it has malformed rows. Reads rejections, export_files, known_paths: a path that holds other content is left out.
with wanting as (
    select distinct f.*
    from rejections r join export_files f on r.row_id between f.first_row_id and f.first_row_id + f.row_count - 1
    where r.raw is null
),
looked_through as (
    select w.file_id, bool_or(r.reason = 'malformed_row') as has_malformed
    from rejections r join wanting w on r.row_id between w.first_row_id and w.first_row_id + w.row_count - 1
    group by w.file_id
)
select
    w.source, w.source_file, p.container, p.size_bytes, p.modified_ns, w.sha256,
    w.size_bytes as content_bytes, w.read_as, w.first_row_id, w.row_count, l.has_malformed
from wanting w
    join looked_through l using (file_id)
    join known_paths p on p.source = w.source and p.source_file = w.source_file and p.sha256 = w.sha256
order by w.first_row_id
