-- One row per source with enough recent rows: how many of them say presence, how many of these are rejected, and what share nine in ten
-- of its days before keep to (null: too few to tell). Reads export_files and file_outcomes. Recent are the files of the 24 hours up to
-- the source's newest, and as many before as are needed for enough rows.
with files as (
    select
        f.source, f.staged_at, f.file_id, o.rejected, o.accepted + o.rejected + o.pending as row_count
    from export_files f join file_outcomes o on o.file_id = f.file_id
    where f.staged_at >= $since::timestamptz at time zone 'UTC'
),
placed as (
    select
        *,
        max(staged_at) over (partition by source) as newest_at,
        coalesce(sum(row_count) over (
            partition by source order by staged_at desc, file_id desc rows between unbounded preceding and 1 preceding
        ), 0) as newer_rows
    from files
    where row_count > 0
),
divided as (
    select *, staged_at > newest_at - interval 24 hours or newer_rows < $least_rows as is_recent from placed
),
recent as (
    select source, sum(row_count)::bigint as row_count, sum(rejected)::bigint as rejected
    from divided
    where is_recent
    group by source
    having sum(row_count) >= $least_rows
),
days as (
    select source, staged_at::date as day, sum(rejected) / sum(row_count) as rate
    from divided
    where not is_recent
    group by source, day
    having sum(row_count) >= $least_rows_a_day
),
usual as (
    select source, quantile_disc(rate, 0.9) as usual_rate from days group by source having count(*) >= $least_days
)
select r.source, r.row_count, r.rejected, u.usual_rate
from recent r left join usual u using (source)
order by r.source
