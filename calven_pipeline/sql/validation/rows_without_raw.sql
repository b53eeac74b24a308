-- One row per rejected row, of files that are read as one, whose original text is not kept yet: its number in there; and two
-- that are no row of ours, the last number and the one after it. Reads rejections; each file brings the number of its first
-- row, and how many rows it has.
create or replace temp table rows_without_raw as
with files as (
    select
        unnest($first_row_ids::bigint[]) as first_row_id,
        unnest($row_counts::bigint[]) as row_count,
        generate_subscripts($row_counts::bigint[], 1) as number
),
placed as (
    select
        *,
        coalesce(sum(row_count) over (order by number rows between unbounded preceding and 1 preceding), 0) as rows_before
    from files
)
select (p.rows_before + r.row_id - p.first_row_id + 1)::integer as row_number, r.row_id
from rejections r join placed p on r.row_id between p.first_row_id and p.first_row_id + p.row_count - 1
where r.raw is null
union all
select unnest([row_count, row_count + 1])::integer, null from (select sum(row_count) as row_count from files)
