-- One row per block of about a million row numbers with changed rows: the first and the last of them. Reads changed_rows.
-- Rows are taken in block by block, so that memory does not follow their number.
select min(row_id), max(row_id) from changed_rows group by row_id // 1048576 order by 1
