-- One row per export file with rows whose outcome may differ from what was counted last. Reads export_files, validated_presence,
-- answers, removed_rows. Rows judged, answered or removed since are looked up in blocks of 1,024, so a neighbouring file may be counted in vain.
create or replace temp table touched_files as
with blocks as (
    select distinct row_id // 1024 as block
    from (
        select row_id from validated_presence where revision > $revision and row_id <= $last_row_id
        union all
        select row_id from answers where revision > $revision and row_id <= $last_row_id
        union all
        select row_id from removed_rows where revision > $revision and row_id <= $last_row_id
    )
)
select file_id, row_count, first_row_id, first_row_id + row_count - 1 as last_row_id
from export_files
where
    first_row_id + row_count - 1 > $last_row_id
    or file_id in (
        select f.file_id
        from export_files f join blocks b
            on b.block >= f.first_row_id // 1024 and b.block <= (f.first_row_id + f.row_count - 1) // 1024
    )
