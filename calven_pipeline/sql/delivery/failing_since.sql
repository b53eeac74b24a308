-- One row: when the first call failed after the last one that Calven took (UTC), null where the last one was taken. Reads calls.
-- Over all runs, so that a night of failures is told as one.
select min(sent_at)
from calls
where problem is not null and call_id > (select coalesce(max(call_id), 0) from calls where problem is null and status between 200 and 299)
