-- One row per event id of a new row that stands in an earlier row too, with the row that came first. Reads staged_presence,
-- validated_presence, relisted_rows: a row whose outcome was not listed stands for an event while it is listed.
-- Derived ids hold the time, so they are looked up within the time touched only; an export's own ids over all times. Not by
-- the local day: one moment has two of them where one export writes it with an offset and the next in UTC.
insert into repeats
with new_rows as (
    select event_key, occurred_at, has_own_event_id
    from staged_presence
    where row_id > $last_row_judged and kept and unlisted is null and event_key is not null
),
span as (select min(occurred_at) as first_at, max(occurred_at) as last_at from new_rows where not has_own_event_id),
earlier as (
    select event_key, row_id, unlisted is not null as was_unlisted
    from staged_presence
    where
        row_id <= $last_row_judged and kept
        and occurred_at between (select first_at from span) and (select last_at from span)
        and event_key in (select event_key from new_rows where not has_own_event_id and occurred_at is not null)
    union all
    select event_key, row_id, unlisted is not null
    from staged_presence
    where
        row_id <= $last_row_judged and kept
        and event_key in (select event_key from new_rows where has_own_event_id or occurred_at is null)
),
listed as (
    select row_id
    from validated_presence
    where
        row_id in (select row_id from earlier where was_unlisted)
        and is_the_event(verdict, reasons)
        and row_id not in (select row_id from relisted_rows where not counts)
)
select event_key, min(row_id) from earlier where not was_unlisted or row_id in (from listed) group by event_key
