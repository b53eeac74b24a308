-- Writes down how the noted calls ended, and in which revision. Reads noted, calls.
-- A call that was sent in parts keeps the last facts, any problem and the sum of the tries; what it tells already is not added again.
update calls
set
    revision = $revision,
    sent_at = least(calls.sent_at, n.sent_at),
    answered_at = n.answered_at,
    attempts = coalesce(calls.attempts, 0) + n.attempts,
    status = coalesce(n.status, calls.status),
    correlation_id = coalesce(n.correlation_id, calls.correlation_id),
    problem = coalesce(n.problem, calls.problem)
from (
    select
        noted.call_id,
        min(noted.sent_at) at time zone 'UTC' as sent_at, max(noted.answered_at) at time zone 'UTC' as answered_at,
        sum(noted.attempts)::integer as attempts, max_by(noted.status, noted.answered_at) as status,
        max_by(noted.correlation_id, noted.answered_at) as correlation_id, any_value(noted.problem) as problem
    from noted join calls c on c.call_id = noted.call_id
    where c.answered_at is null or noted.answered_at at time zone 'UTC' > c.answered_at
    group by noted.call_id
) n
where n.call_id = calls.call_id
