-- One row per source and badge or door that rows rejected since the last look name and that stands for nobody: the newest of them,
-- and the first revision that says so. Reads rejections, staged_presence, export_files.
create or replace temp table unmapped as
with rejected as (
    select row_id, revision, reasons
    from rejections
    where revision > $revision and status = 'open' and list_has_any(reasons, ['unmapped_person', 'unmapped_place'])
),
named as (
    select s.file_id, s.row_id, r.revision, 'source_user_id' as ours, lower(s.source_user_id) as key
    from rejected r join staged_presence s on s.row_id = r.row_id
    where list_contains(r.reasons, 'unmapped_person')
    union all
    select s.file_id, s.row_id, r.revision, 'place', lower(s.place)
    from rejected r join staged_presence s on s.row_id = r.row_id
    where list_contains(r.reasons, 'unmapped_place')
)
select f.source, n.ours, n.key, max(n.row_id) as row_id, min(n.revision) as revision
from named n join export_files f on f.file_id = n.file_id
where n.key is not null
group by all
