-- One row per event id of a new row that stood in a removed row, with the first of those and the hash of its content. Reads
-- staged_presence, removed_rows, salt. Derived ids hold the time, so those are looked up within the days touched only, give or
-- take one: a local day is not the day in UTC.
create or replace temp table removed_events as
with removed_span as (select min(local_date) - 1 as first_day, max(local_date) + 1 as last_day from removed_rows),
new_events as (
    select event_key, any_value(occurred_at::date) as day, bool_and(has_own_event_id or occurred_at is null) as is_of_any_day
    from staged_presence
    where
        row_id > $last_row_judged and kept and unlisted is null and event_key is not null
        and (
            has_own_event_id or occurred_at is null
            or occurred_at::date between (select first_day from removed_span) and (select last_day from removed_span)
        )
    group by event_key
),
hashed_events as (
    select event_key, day, is_of_any_day, hashed((select salt from salt), event_key::varchar) as event_hash
    from new_events
),
span as (select min(day) - 1 as first_day, max(day) + 1 as last_day from hashed_events where not is_of_any_day),
found as (
    select h.event_key, r.row_id, r.content_hash
    from removed_rows r join hashed_events h on h.event_hash = r.event_hash
    where
        not h.is_of_any_day
        and r.local_date between (select first_day from span) and (select last_day from span)
    union all
    select h.event_key, r.row_id, r.content_hash
    from removed_rows r join hashed_events h on h.event_hash = r.event_hash
    where h.is_of_any_day
)
select event_key, min(row_id) as row_id, min_by(content_hash, row_id) as content_hash from found group by event_key
