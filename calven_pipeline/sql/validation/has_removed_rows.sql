-- One row: whether any row was ever removed. Reads removed_rows.
-- Most databases keep every row.
select exists (from removed_rows)
