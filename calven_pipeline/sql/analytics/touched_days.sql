-- One row per local day with changed or new rows, null among them. Reads changed_rows, staged_presence, validated_presence.
-- Those days are counted again.
create or replace temp table touched_days as
with wanted as (
    select local_date
    from staged_presence
    where row_id > $last_row_id and row_id <= (select max(row_id) from validated_presence)
    union all
    select local_date
    from staged_presence
    where
        row_id between (select min(row_id) from changed_rows) and (select max(row_id) from changed_rows)
        and row_id in (from changed_rows)
)
select distinct local_date from wanted
