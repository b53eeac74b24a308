-- One row per event that Calven refused and that was never rejected before. Reads refused_events, rejections.
-- The original text is added after, from the export itself.
insert into rejections
select row_id, 'calven', reason, [reason], detail, null, null, 'open', answered_at, answered_at, null, $revision
from refused_events
where row_id not in (select row_id from rejections)
