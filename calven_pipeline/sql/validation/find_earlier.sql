-- One row per event id of a new row that stands in an earlier row too, with the row that came first. Reads staged_presence.
-- Derived ids hold the time, so they are looked up within the days touched only; an export's own ids over all days.
insert into repeats
with new_rows as (
    select event_key, local_date, has_own_event_id
    from staged_presence
    where row_id > $last_row_judged and kept and event_key is not null
),
days as (select min(local_date) as first_day, max(local_date) as last_day from new_rows where not has_own_event_id),
earlier as (
    select event_key, row_id
    from staged_presence
    where
        row_id <= $last_row_judged and kept
        and local_date between (select first_day from days) and (select last_day from days)
        and event_key in (select event_key from new_rows where not has_own_event_id and local_date is not null)
    union all
    select event_key, row_id
    from staged_presence
    where
        row_id <= $last_row_judged and kept
        and event_key in (select event_key from new_rows where has_own_event_id or local_date is null)
)
select event_key, min(row_id) from earlier group by event_key
