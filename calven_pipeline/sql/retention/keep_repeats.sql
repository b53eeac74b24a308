-- Rows that repeat an event stay as long as it stands in a row that may count no more: one of them is that event then.
-- That is a row whose outcome nobody had listed when it was read, see find_relisted_rows. Reads staged_presence, validated_presence.
delete from rows_to_remove
where row_id in (
    with may_end as (
        select event_key
        from staged_presence
        where unlisted is not null and kept and row_id not in (from rows_to_remove)
    ),
    repeats as (
        select row_id from staged_presence where kept and event_key in (select event_key from may_end)
    )
    select row_id
    from validated_presence
    where
        row_id in (select row_id from repeats)
        and (verdict = 'duplicate' or list_contains(reasons, 'conflicting_event_id'))
)
