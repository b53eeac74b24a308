-- The original text of one file's rejected rows. Reads raw_rows(row_number, raw).
-- `raw_rows` is the file, opened again.
update rejections
set raw = x.raw
from (
    select $first_row_id + row_number - 1 as row_id, raw
    from raw_rows
    where $first_row_id + row_number - 1 in (select row_id from rejections where raw is null)
) x
where rejections.row_id = x.row_id and rejections.raw is null
