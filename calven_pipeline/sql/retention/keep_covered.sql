-- Rows that stand beside an event of their person, place and day stay as long as it may fail: one of them takes its place then.
-- Reads outbox, rejections, staged_presence, validated_presence.
delete from rows_to_remove
where row_id in (
    with open_rows as (
        select row_id from outbox
        union
        select row_id from rejections where status = 'open'
    ),
    days as (
        select distinct v.user_key, v.location_key, s.local_date
        from validated_presence v join staged_presence s on s.row_id = v.row_id
        where v.row_id in (from open_rows) and s.row_id in (from open_rows) and v.verdict = 'valid'
    )
    select v.row_id
    from validated_presence v
        join staged_presence s on s.row_id = v.row_id
        semi join days d
            on d.user_key = v.user_key and d.location_key = v.location_key and d.local_date = s.local_date
    where v.verdict = 'ignored' and v.reasons = ['collapsed'] and s.local_date in (select local_date from days)
)
