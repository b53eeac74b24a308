-- Brings up to date how rejections ended whose rows were looked at again since. Reads validated_presence, rows_to_recheck.
-- An outcome may be listed as presence first and as ignored later, or the other way round.
update rejections
set
    resolution = if(v.verdict = 'ignored', 'ignored', 'passed'),
    resolved_at = $now::timestamptz at time zone 'UTC', last_checked_at = $now::timestamptz at time zone 'UTC',
    revision = $revision
from validated_presence v
where
    rejections.row_id in (from rows_to_recheck)
    and rejections.status = 'resolved'
    and rejections.resolution in ('passed', 'ignored')
    and v.row_id = rejections.row_id
    and v.revision = $revision
    and v.verdict <> 'rejected'
    and rejections.resolution <> if(v.verdict = 'ignored', 'ignored', 'passed')
