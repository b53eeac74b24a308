-- One row: how many files with rows of the last revision have rows without a verdict, or with two. Reads staged_presence,
-- validated_presence, export_files.
with last as (select max(revision) as revision from validated_presence),
newest as (select min(row_id) as row_id from validated_presence where revision = (select revision from last)),
files as (select * from export_files where first_row_id + row_count > (select row_id from newest)),
counted as (
    select
        f.file_id, f.row_count,
        count(s.row_id) as staged, count(v.row_id) as judged, count(distinct v.row_id) as judged_once
    from files f
        left join staged_presence s on s.file_id = f.file_id and s.row_id >= (select row_id from newest) - f.row_count
        left join validated_presence v on v.row_id = s.row_id and v.row_id >= (select row_id from newest) - f.row_count
    group by all
)
select count(*) from counted where staged <> row_count or judged <> row_count or judged_once <> row_count
