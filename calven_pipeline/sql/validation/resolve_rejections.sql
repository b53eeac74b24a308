-- Closes the rejections whose rows passed. Reads validated_presence.
-- For rows that were looked at again.
update rejections
set status = 'resolved', resolution = 'passed', resolved_at = $now::timestamptz at time zone 'UTC',
    last_checked_at = $now::timestamptz at time zone 'UTC', revision = $revision
where
    status = 'open'
    and row_id in (select row_id from validated_presence where revision = $revision and verdict <> 'rejected')
