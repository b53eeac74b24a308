-- One row per file of the last weeks of a source that names what stands for nobody: its rows. Reads export_files and unmapped.
-- The look back is bounded.
create or replace temp table earlier_files as
select file_id, source, first_row_id
from export_files
where staged_at >= $since::timestamptz at time zone 'UTC' and source in (select source from unmapped)
