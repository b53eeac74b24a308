-- One row per badge or door ($ours) that stands for nobody and stood for somebody in a row that was judged before: that verdict was valid.
-- Reads unmapped, earlier_files, staged_presence, validated_presence, lost_mappings, and old_verdicts of the validation just made.
insert into lost_mappings
with here as (from unmapped where ours = $ours),
judged as (
    select row_id, revision
    from validated_presence
    where
        row_id >= (select min(first_row_id) from earlier_files)
        and verdict in ('valid', 'duplicate')
        and revision < (select max(revision) from here)
    union all
    select row_id, revision from old_verdicts where verdict in ('valid', 'duplicate')
),
named as (
    select s.row_id, f.source, lower(case $ours when 'place' then s.place else s.source_user_id end) as key
    from staged_presence s join earlier_files f on f.file_id = s.file_id
    where
        s.row_id >= (select min(first_row_id) from earlier_files)
        and case $ours when 'place' then s.location_id is null else s.user_id is null and s.user_email is null end
        and (f.source, lower(case $ours when 'place' then s.place else s.source_user_id end)) in (select (source, key) from here)
),
known as (
    select f.source, lower(case $ours when 'place' then s.place else s.source_user_id end) as key
    from lost_mappings m
        join staged_presence s on s.row_id = m.row_id
        join export_files f on f.file_id = s.file_id
    where m.ours = $ours
)
select h.row_id, h.ours
from here h
where
    exists (
        select 1
        from named n join judged j on j.row_id = n.row_id
        where n.source = h.source and n.key = h.key and j.revision < h.revision
    )
    and (h.source, h.key) not in (select (source, key) from known)
