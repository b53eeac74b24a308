-- One row per export file. Reads export_files.
-- Small: replaced as a whole.
insert into analytics.export_files by name
select source, source_file, sha256, size_bytes, row_count, staged_at, first_row_id from export_files
