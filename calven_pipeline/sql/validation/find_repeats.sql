-- One row per event id that stands in more than one row, with the row that came first. Reads staged_presence.
-- Derived ids hold the time, so they are looked up within the days touched only; an export's own ids over all days.
create or replace temp table repeats as
with new_rows as (
    select row_id, event_key, local_date, has_own_event_id
    from staged_presence
    where row_id > $last_row_judged and kept and event_key is not null
),
days as (select min(local_date) as first_day, max(local_date) as last_day from new_rows where not has_own_event_id),
earlier_same_day as (
    select event_key, min(row_id) as row_id
    from staged_presence
    where
        row_id <= $last_row_judged
        and kept
        and local_date between (select first_day from days) and (select last_day from days)
        and event_key in (select event_key from new_rows where not has_own_event_id and local_date is not null)
    group by event_key
),
earlier_any_day as (
    select event_key, min(row_id) as row_id
    from staged_presence
    where
        row_id <= $last_row_judged
        and kept
        and event_key in (select event_key from new_rows where has_own_event_id or local_date is null)
    group by event_key
),
within_new as (
    select event_key, min(row_id) as row_id from new_rows group by event_key having count(*) > 1
)
select event_key, min(row_id) as first_row_id
from (from earlier_same_day union all from earlier_any_day union all from within_new)
group by event_key
