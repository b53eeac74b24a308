-- One row per badge, or per door, that the rows to judge of one source name for want of a person or a place: as it was staged.
-- Reads staged_presence, judged_files, rows_to_recheck.
create or replace temp table written as
with files as (select file_id from judged_files where source = $source),
named as (
    select if($ours = 'place', place, source_user_id) as staged
    from staged_presence
    where
        row_id > $last_row_judged and file_id in (from files)
        and if($ours = 'place', location_id is null, user_id is null and user_email is null)
    union all
    select if($ours = 'place', place, source_user_id)
    from staged_presence
    where
        row_id <= $last_row_judged and row_id in (from rows_to_recheck) and file_id in (from files)
        and if($ours = 'place', location_id is null, user_id is null and user_email is null)
)
select distinct staged from named where staged is not null
