-- One row: how many of the changed rows analysts have seen before. Reads changed_rows.
-- Most changed rows are new ones.
select count(*) from changed_rows where row_id <= $last_row_id
