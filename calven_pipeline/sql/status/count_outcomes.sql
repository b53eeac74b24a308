-- One row per outcome: rows in all, and rows of files read since then. Reads presence and readings.
-- A row whose reading is not known counts as old.
select p.outcome, count(*), count(*) filter (where r.staged_at >= $since)
from presence p
    left join readings r on r.first_row_id = p.row_id - p."row_number" + 1
group by p.outcome
