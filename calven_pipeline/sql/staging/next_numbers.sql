-- One row: the number of the next file and of the next row. Reads export_files.
-- Every row of every file has a number of its own.
select coalesce(max(file_id), 0) + 1, coalesce(max(first_row_id + row_count), 1) from export_files
