-- One row per reading of a file that had rows: when it was, and the number of its first row. Reads export_files.
-- Its rows may have been removed since, the first of them too.
create temp table readings as select first_row_id, staged_at from export_files where row_count > 0
