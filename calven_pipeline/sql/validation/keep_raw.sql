-- The original text of rejected rows. Reads raw_texts, rows_without_raw.
-- Texts that are kept already stay.
update rejections
set raw = t.raw
from raw_texts t join rows_without_raw w using (row_number)
where rejections.row_id = w.row_id and rejections.raw is null
