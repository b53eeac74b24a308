-- Removes the rows of a range that are being removed. Reads removing.
-- In the transaction that keeps their hashes.
delete from staged_presence where row_id between $first_row_id and $last_row_id and row_id in (from removing)
