-- One row per rejected row of one file whose original text is not kept yet: its number in the file.
-- Reads rejections, export_files.
create or replace temp table rows_without_raw as
select (r.row_id - f.first_row_id + 1)::integer as row_number
from rejections r join export_files f on r.row_id between f.first_row_id and f.first_row_id + f.row_count - 1
where r.raw is null and f.first_row_id = $first_row_id
