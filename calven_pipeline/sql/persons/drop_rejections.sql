-- Removes the open rejections of rows to forget. Reads rows_to_forget.
-- In the transaction that settles their verdicts; closed ones go with their rows.
delete from rejections where status = 'open' and row_id in (from rows_to_forget)
