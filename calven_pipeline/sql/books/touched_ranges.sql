-- One row per block of about a million row numbers in which touched files begin: the first row of the first, the first row of
-- the last, and the last row of all of them. Reads touched_files.
select min(first_row_id), max(first_row_id), max(last_row_id)
from touched_files
where row_count > 0
group by first_row_id // 1048576
order by 1
