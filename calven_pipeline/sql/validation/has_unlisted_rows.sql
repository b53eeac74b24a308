-- One row: whether a row to judge had an outcome that was not listed. Reads unlisted_rows.
-- Most profiles list none.
select exists (from unlisted_rows)
