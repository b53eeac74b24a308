-- One row per row that was rejected for the first time. Reads validated_presence, staged_presence.
-- The original text is added after, from the export itself.
insert into rejections
select
    v.row_id,
    case when v.reasons[1] = 'malformed_row' then 'read' else 'validate' end,
    v.reasons[1], v.reasons, v.detail, v.suggestion,
    case when v.reasons[1] = 'malformed_row' then s.malformed end,
    'open', $now::timestamptz at time zone 'UTC', $now::timestamptz at time zone 'UTC', null, $revision
from validated_presence v join staged_presence s using (row_id)
where v.revision = $revision and v.verdict = 'rejected' and v.row_id > $last_row_judged
