-- One row: how many files do not add up, and the path of one of them. Reads counted_files, export_files.
-- Rows read = accepted + rejected + pending + duplicate + ignored.
select count(*), min(f.source_file)
from counted_files c join export_files f using (file_id)
where c.row_count <> c.accepted + c.rejected + c.pending + c.duplicate + c.ignored
