-- The original text of one file's rejected rows. Reads raw_texts.
-- Texts that are kept already stay.
update rejections
set raw = t.raw
from raw_texts t
where rejections.row_id = $first_row_id + t.row_number - 1 and rejections.raw is null
