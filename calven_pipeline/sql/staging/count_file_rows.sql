-- One row: rows of one file that were staged, how many of them are malformed, and how many are ignored. Reads staged_presence.
-- Runs in the file's transaction, so the rows are the newest.
select count(*), count(malformed), count(*) filter (not kept)
from staged_presence
where row_id >= $first_row_id and file_id = $file_id
