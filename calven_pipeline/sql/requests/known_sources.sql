-- One row per source that has rows. Reads export_files.
-- For an error that says which names there are.
select distinct source from export_files order by source
