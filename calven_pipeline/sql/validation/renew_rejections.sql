-- Brings the reasons of rejections that stand up to date. Reads validated_presence, explanations.
-- For rows that were looked at again; before the new ones are added.
update rejections
set stage = 'validate', status = 'open', resolved_at = null, resolution = null, note = null, reason = v.reasons[1], reasons = v.reasons, detail = e.detail, suggestion = e.suggestion,
    last_checked_at = $now::timestamptz at time zone 'UTC', revision = $revision
from validated_presence v join explanations e on e.row_id = v.row_id
where v.row_id = rejections.row_id and v.revision = $revision and v.verdict = 'rejected'
