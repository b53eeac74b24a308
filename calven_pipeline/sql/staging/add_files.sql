-- One row per file read. Reads nothing.
-- Written in the transaction that stages their rows; files and rows are numbered in this order.
insert into export_files
with files as (
    select
        unnest($sources::varchar[]) as source,
        unnest($source_ids::varchar[]) as source_id,
        unnest($source_files::varchar[]) as source_file,
        unnest($sha256s::varchar[]) as sha256,
        unnest($sizes::bigint[]) as size_bytes,
        unnest($row_counts::bigint[]) as row_count,
        unnest($read_as::varchar[]) as read_as,
        generate_subscripts($sources::varchar[], 1) as number
)
select
    $file_id + number - 1, source, source_id, source_file, sha256, size_bytes, row_count,
    $first_row_id + coalesce(sum(row_count) over (order by number rows between unbounded preceding and 1 preceding), 0),
    $staged_at::timestamptz at time zone 'UTC', read_as
from files
order by number
