-- Closes the rejections whose rows passed, or turned out to be no presence. Reads validated_presence.
-- For rows that were looked at again.
update rejections
set status = 'resolved', resolution = if(v.verdict = 'ignored', 'ignored', 'passed'),
    resolved_at = $now::timestamptz at time zone 'UTC', last_checked_at = $now::timestamptz at time zone 'UTC',
    revision = $revision
from validated_presence v
where rejections.status = 'open' and v.row_id = rejections.row_id and v.revision = $revision and v.verdict <> 'rejected'
