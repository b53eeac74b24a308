-- One row per block of about a million row numbers with rows of days before $before: the first and the last of them, and how many. Reads
-- staged_presence, export_files. A row is of its local day; without one, or with one yet to come, of the day of its reading.
select min(s.row_id), max(s.row_id), count(*)
from staged_presence s join export_files f on f.file_id = s.file_id
where if(s.local_date <= f.staged_at::date + 1, s.local_date, f.staged_at::date) < $before::date
group by s.row_id // 1048576
order by 1
