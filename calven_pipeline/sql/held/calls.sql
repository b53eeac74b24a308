-- One JSON array of one object: how many presence calls carried events of the person. Reads answers, outbox, person_rows.
-- A call carries the events of many people.
select to_json([{'calls': count(distinct call_id)}])::varchar
from (
    select row_id, call_id from answers
    union all
    select row_id, coalesce(call_id, last_call_id) from outbox
)
where row_id in (select row_id from person_rows where is_theirs)
