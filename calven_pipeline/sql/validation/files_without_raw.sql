-- One row per file with rejections whose original text is not kept yet. Reads rejections, export_files.
-- The text is then read from the file itself.
select distinct f.source, f.source_file, f.first_row_id, f.size_bytes, f.sha256
from rejections r
    join export_files f on r.row_id between f.first_row_id and f.first_row_id + f.row_count - 1
where r.raw is null
