-- One row per row to judge whose outcome the profile did not list when it was read, or that repeats one that counts no more: what the
-- profile says of it now, and whether it counts from now on, so that its event may stand in another row.
-- Reads staged_presence, judged_files, unlisted_outcomes, rows_to_recheck, old_verdicts, relisted_rows.
create or replace temp table unlisted_rows as
with rows_to_judge as (
    select row_id, file_id, unlisted from staged_presence where row_id > $last_row_judged and unlisted is not null
    union all
    select row_id, file_id, unlisted
    from staged_presence
    where
        row_id <= $last_row_judged and row_id in (from rows_to_recheck)
        and (unlisted is not null or row_id in (select row_id from relisted_rows))
),
told as (
    select
        r.row_id,
        case when r.unlisted is null then 'granted' else coalesce(o.listing, 'unlisted') end as listing,
        v.row_id is null or coalesce(v.reasons = ['unlisted_outcome'], false) or r.row_id in (select row_id from relisted_rows)
            as is_new
    from rows_to_judge r
        join judged_files f on f.file_id = r.file_id
        left join unlisted_outcomes o on o.source = f.source and o.unlisted = r.unlisted
        left join old_verdicts v on v.row_id = r.row_id
)
select row_id, listing, listing = 'granted' and is_new as is_healing from told
