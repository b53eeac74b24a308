-- One row per judged row whose outcome was not listed when it was read and whose profile, which lists others by now, says another
-- thing of it; and per row that repeats the event of a row that counts no more: one of them is that event now.
-- What Calven took, or may have got, stays, and so does what somebody dismissed. Reads staged_presence, export_files,
-- unlisted_outcomes, validated_presence, rejections, answers, outbox.
create or replace temp table relisted_rows as
with held as (
    select s.row_id, s.event_key, v.verdict, v.reasons, o.listing
    from staged_presence s
        join export_files f on f.file_id = s.file_id
        join unlisted_outcomes o on o.source = f.source and o.unlisted = s.unlisted
        join validated_presence v on v.row_id = s.row_id
    where $outcomes_changed and s.unlisted is not null
),
settled as (
    select row_id from answers where accepted and row_id in (select row_id from held)
    union all
    select row_id
    from outbox
    where
        (attempts > 0 or call_id is not null or last_call_id is not null)
        and row_id in (select row_id from held)
    union all
    select row_id from rejections where $outcomes_changed and resolution = 'dismissed'
),
relisted as (
    select row_id, event_key, listing = 'granted' as counts, is_the_event(verdict, reasons) as was_the_event
    from held
    where
        row_id not in (from settled)
        and case
            when listing = 'unlisted' then reasons is distinct from ['unlisted_outcome']
            when listing = 'ignored' then verdict <> 'ignored' or reasons is not null
            else reasons is not distinct from ['unlisted_outcome'] or (verdict = 'ignored' and reasons is null)
        end
),
repeats_of_lost as (
    select row_id
    from staged_presence
    where
        kept
        and event_key in (select event_key from relisted where was_the_event and not counts)
        and row_id not in (select row_id from relisted)
)
select row_id, counts from relisted
union all
select row_id, true
from validated_presence
where
    row_id in (from repeats_of_lost)
    and row_id not in (from settled)
    and (verdict = 'duplicate' or list_contains(reasons, 'conflicting_event_id'))
