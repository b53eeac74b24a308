-- Rejections that stood before and are Calven's now. Reads refused_events.
-- One row per rejected row, whoever rejects it.
update rejections
set
    stage = 'calven', reason = x.reason, reasons = [x.reason], detail = x.detail, suggestion = null, status = 'open',
    last_checked_at = x.answered_at, resolved_at = null, resolution = null, note = null, correlation_id = x.correlation_id, revision = $revision
from refused_events x
where x.row_id = rejections.row_id
