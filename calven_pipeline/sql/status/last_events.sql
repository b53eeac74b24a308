-- One row per source: when its last event happened. Reads presence.
-- Without what lies in the future.
select source, max(occurred_at)
from presence
where not coalesce(list_contains(reasons, 'future_timestamp'), false)
group by source
