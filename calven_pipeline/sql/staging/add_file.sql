-- One row per file read. Reads nothing.
-- Written in the transaction that stages its rows.
insert into export_files
values (
    $file_id, $source, $source_id, $source_file, $sha256, $size_bytes, $row_count, $first_row_id,
    $staged_at::timestamptz at time zone 'UTC'
)
