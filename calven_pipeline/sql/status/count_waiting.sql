-- One row: how many events wait, when the oldest of them was read, and when it happened. Reads presence and readings.
-- What a replay sends again waits too.
select count(*), min(r.staged_at), min(p.occurred_at)
from presence p
    left join readings r on r.first_row_id = p.row_id - p."row_number" + 1
where p.outcome = 'pending'
