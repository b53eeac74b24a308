-- One row: how many files of that path were read. Reads export_files.
-- Of any source.
select count(*) from export_files where source_file = $source_file
