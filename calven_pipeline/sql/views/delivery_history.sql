-- One row per UTC day and source id: the calls whose first try was sent on that day. Reads calls, presence.
-- An event counts for the last call that carried it, so `accepted` and `rejected` count no event twice, and `events` counts each sending.
-- Calls stay where rows are removed: `accepted` and `rejected` get fewer then, the other numbers do not.
with settled as (
    select
        call_id, count(*) filter (where outcome = 'accepted') as accepted, count(*) filter (where outcome = 'rejected') as rejected
    from presence
    where call_id is not null
    group by call_id
)
select
    c.sent_at::date as utc_date, c.source_id,
    count(*) as calls, sum(c.attempts)::bigint as attempts,
    count(*) filter (where c.attempts > 1) as calls_tried_again,
    count(*) filter (where c.problem is not null) as failed_calls,
    sum(c.events)::bigint as events,
    coalesce(sum(s.accepted), 0)::bigint as accepted, coalesce(sum(s.rejected), 0)::bigint as rejected,
    round(quantile_cont(epoch(c.answered_at - c.sent_at), 0.5), 3) as duration_p50_s,
    round(quantile_cont(epoch(c.answered_at - c.sent_at), 0.95), 3) as duration_p95_s
from calls c
    left join settled s using (call_id)
group by utc_date, c.source_id
order by utc_date, c.source_id
