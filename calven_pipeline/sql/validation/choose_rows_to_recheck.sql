-- One row per judged row that deserves a second look. Reads rejections, answers, outbox, staged_presence,
-- rows_asked_for, relisted_rows.
-- With new reference data or mappings: open rejections that these could cure, and events that were never sent, whose
-- person or place may be another by now. Calven's own word on a user or a location counts as such a rejection, so many times,
-- unless Calven once took the event: it must not name another person then. Whenever its time has come: a row that lay in the
-- future. Always: what somebody asked for and did not dismiss since. With other outcomes listed: the rows of which the profile says
-- another thing now; nothing else could cure those that nobody had listed.
create or replace temp table rows_to_recheck as
with refused as (select row_id from rejections where status = 'open' and stage = 'calven')
select row_id
from rejections
where
    $inputs_changed
    and status = 'open'
    and sent_again < $most_sent_again
    and case
        when stage = 'calven' then
            reason in ('calven_user_not_found', 'calven_location_not_found')
            and row_id not in (select row_id from answers where accepted and row_id in (from refused))
        else
            stage = 'validate'
            and reason <> 'unlisted_outcome'
            and not list_has_any(
                reasons, ['missing_timestamp', 'invalid_timestamp', 'future_timestamp', 'conflicting_event_id']
            )
    end
union
select row_id from outbox where $inputs_changed and attempts = 0 and call_id is null and last_call_id is null
union
select r.row_id
from rejections r join staged_presence s on s.row_id = r.row_id
where
    r.status = 'open'
    and list_contains(r.reasons, 'future_timestamp')
    and not list_contains(r.reasons, 'conflicting_event_id')
    and s.occurred_at <= $now::timestamptz at time zone 'UTC' + interval 10 minutes
union
select a.row_id from rows_asked_for a join rejections r on r.row_id = a.row_id where r.status = 'open'
union
select row_id from relisted_rows
