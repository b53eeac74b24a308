-- One row per content that was staged for one source. Reads export_files.
-- Contents are known by their SHA-256.
select distinct sha256 from export_files where source = $source
