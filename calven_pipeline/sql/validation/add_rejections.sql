-- One row per row that was rejected for the first time. Reads validated_presence, explanations, staged_presence.
-- The original text is added after, from the export itself.
insert into rejections by name
select
    v.row_id,
    case when v.reasons[1] = 'malformed_row' then 'read' else 'validate' end as stage,
    v.reasons[1] as reason, v.reasons, e.detail, e.suggestion, s.malformed as raw, 'open' as status,
    $now::timestamptz at time zone 'UTC' as first_rejected_at, $now::timestamptz at time zone 'UTC' as last_checked_at,
    $revision as revision
from validated_presence v
    join explanations e on e.row_id = v.row_id
    join staged_presence s on s.row_id = v.row_id
where v.revision = $revision and v.verdict = 'rejected' and v.row_id not in (select row_id from rejections)
