-- One row per person and local day on which Calven accepted an event of theirs, wherever it was. Reads daily_presence.
-- An id in capitals is the same id.
select
    local_date, max(user_id) as user_id, max(user_email) as user_email,
    min(first_seen_at) as first_seen_at, max(last_seen_at) as last_seen_at,
    count(*) as locations, sum(events)::bigint as events
from daily_presence
group by local_date, lower(user_id)
