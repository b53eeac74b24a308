-- One row per file with rejections whose original text is not kept yet, as it lay in exports/ when it was read.
-- Reads rejections, export_files, known_paths: a path that holds other content by now is left out.
select distinct f.source, f.source_file, f.first_row_id, p.size_bytes, p.modified_ns
from rejections r
    join export_files f on r.row_id between f.first_row_id and f.first_row_id + f.row_count - 1
    join known_paths p on p.source = f.source and p.source_file = f.source_file and p.sha256 = f.sha256
where r.raw is null
