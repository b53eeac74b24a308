-- One row per source and set of outcomes that its profile has to judge: those of new rows that were never judged, and all known ones
-- where the profile lists others than it did. Reads staged_presence, export_files, sources, unlisted_outcomes.
create or replace temp table outcomes_to_judge as
with found as (
    select distinct f.source, s.unlisted
    from staged_presence s join export_files f on f.file_id = s.file_id
    where s.row_id > $last_row_judged and s.unlisted is not null
)
select source, unlisted, false as is_known from found anti join unlisted_outcomes using (source, unlisted)
union all
select o.source, o.unlisted, true
from unlisted_outcomes o join sources s on s.source = o.source
where o.outcomes_sha256 is distinct from json_extract_string(s.rules, '$.outcomes')
