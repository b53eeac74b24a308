-- Writes down how the noted calls ended. Reads noted.
-- A call that was sent in parts keeps the last part's facts and the sum of the tries. Its revision is now the one it ended in.
update calls
set
    revision = $revision, sent_at = n.sent_at, answered_at = n.answered_at, attempts = coalesce(calls.attempts, 0) + n.attempts,
    status = n.status, correlation_id = n.correlation_id, problem = n.problem
from (
    select
        call_id, min(sent_at) at time zone 'UTC' as sent_at, max(answered_at) at time zone 'UTC' as answered_at,
        sum(attempts)::integer as attempts, max_by(status, answered_at) as status,
        max_by(correlation_id, answered_at) as correlation_id, any_value(problem) as problem
    from noted group by call_id
) n
where n.call_id = calls.call_id
