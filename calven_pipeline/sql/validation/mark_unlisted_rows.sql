-- One row per row whose outcome was not listed when it was read, or that repeats one that counts no more; where it counts now, also
-- whether its event stands in another row, and differs from it. Reads unlisted_rows, staged_presence, validated_presence.
-- A row that was judged comes first, then one whose outcome was always listed, then the one that was read first.
insert into marked_rows
with healing as (
    select s.* from staged_presence s where s.row_id in (select row_id from unlisted_rows where is_healing)
),
same_event as (
    select row_id, event_key, unlisted
    from staged_presence
    where kept and event_key in (select event_key from healing)
),
judged as (
    select row_id
    from validated_presence
    where
        row_id in (select row_id from same_event)
        and is_the_event(verdict, reasons)
        and row_id not in (select row_id from unlisted_rows where listing <> 'granted')
),
events as (
    select event_key, row_id, 1 as rank from same_event where row_id in (from judged)
    union all
    select event_key, row_id, 2 from same_event where row_id > $last_row_judged and unlisted is null
    union all
    select event_key, row_id, if(unlisted is null, 2, 3) from healing
),
firsts as (
    select event_key, min_by(row_id, (rank, row_id)) as first_row_id from events group by event_key
),
repeated as (
    select
        s.row_id,
        s.has_own_event_id and differs_from(s, e) as differs
    from healing s
        join firsts f on f.event_key = s.event_key
        join staged_presence e on e.row_id = f.first_row_id
    where s.row_id <> f.first_row_id
)
select u.row_id, r.differs, u.listing from unlisted_rows u left join repeated r on r.row_id = u.row_id
