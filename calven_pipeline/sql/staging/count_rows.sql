-- One row per file that was just staged: its rows, how many of them are malformed, and how many are ignored.
-- Reads staged_presence. Runs in the files' transaction, so their rows are the newest.
select file_id, count(*), count(malformed), count(*) filter (not kept)
from staged_presence
where row_id >= $first_row_id and file_id >= $file_id
group by file_id
