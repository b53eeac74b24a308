-- One row per person, location and touched local day, from the first day to the last, that Calven accepted. Reads analytics.presence.
-- Several desks or doors on one day are several rows; an id in capitals is the same id.
insert into analytics.daily_presence by name
select
    local_date, max(user_id) as user_id, max(user_email) as user_email, max(location_id) as location_id, location_type,
    min(occurred_at) as first_seen_at, max(occurred_at) as last_seen_at, count(*) as events
from analytics.presence
where
    local_date between $first_day and $last_day and local_date in (from touched_days)
    and outcome = 'accepted'
group by local_date, lower(user_id), lower(location_id), location_type
