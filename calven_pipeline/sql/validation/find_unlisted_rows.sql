-- One row per row to judge whose outcome the profile did not list when it was read: what the profile says of it now, and whether it
-- has just been listed as presence. Once it was, it stays so, like a row that is read later.
-- Reads staged_presence, judged_files, unlisted_outcomes, rows_to_recheck, old_verdicts.
create or replace temp table unlisted_rows as
with rows_to_judge as (
    select row_id, file_id, unlisted from staged_presence where row_id > $last_row_judged and unlisted is not null
    union all
    select row_id, file_id, unlisted
    from staged_presence
    where row_id <= $last_row_judged and unlisted is not null and row_id in (from rows_to_recheck)
)
select
    r.row_id,
    coalesce(v.reasons is distinct from ['unlisted_outcome'], false) and v.row_id is not null as was_listed,
    case when was_listed then 'granted' else coalesce(o.listing, 'unlisted') end as listing,
    listing = 'granted' and not was_listed as is_healing
from rows_to_judge r
    join judged_files f on f.file_id = r.file_id
    left join unlisted_outcomes o on o.source = f.source and o.unlisted = r.unlisted
    left join old_verdicts v on v.row_id = r.row_id
