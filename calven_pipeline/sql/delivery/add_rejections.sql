-- One row per event that Calven refused and that was never rejected before. Reads refused_events, rejections.
-- The original text is added after, from the export itself.
insert into rejections by name
select
    row_id, 'calven' as stage, reason, [reason] as reasons, detail, 'open' as status,
    answered_at as first_rejected_at, answered_at as last_checked_at, $revision as revision,
    correlation_id
from refused_events
where row_id not in (select row_id from rejections)
