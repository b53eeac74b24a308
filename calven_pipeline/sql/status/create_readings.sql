-- One row per reading of a file that had rows: when it was, and the number of its first row. Reads export_files and presence.
-- A file that changed was read more than once; its readings and its first rows come in the same order.
create temp table readings as
with files as (
    select source, source_file, staged_at, row_number() over (partition by source, source_file order by staged_at) as reading
    from export_files
    where row_count > 0
),
firsts as (
    select source, source_file, row_id, row_number() over (partition by source, source_file order by row_id) as reading
    from presence
    where presence."row_number" = 1
)
select firsts.row_id as first_row_id, files.staged_at from files join firsts using (source, source_file, reading)
