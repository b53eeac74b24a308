-- One row per source that ever brought a file: its delay and its silence at `as_of`. Reads export_files, presence, snapshot.
-- Days of silence and what is usual are counted as `calven-pipeline status` counts them: between UTC days with new files, of the last
-- 60 gaps the median, and what nine in ten keep to; with less than three gaps, or with gaps that span less than 14 days, nothing is
-- usual. The delay is that of events seen for the first time, in the files of the source's last 30 days.
with files as (
    select
        source, count(*) as files, sum(row_count)::bigint as rows_read, max(staged_at) as last_file_at,
        arg_max(source_file, (staged_at, source_file)) as last_file
    from export_files
    group by source
),
staged_on as (select distinct source, staged_at::date as day from export_files),
gaps as (
    select source, day, day - lag(day) over (partition by source order by day) as gap from staged_on
),
recent as (
    select source, gap from gaps where gap is not null
    qualify row_number() over (partition by source order by day desc) <= 60
),
usual as (
    select source, quantile_disc(gap, 0.5) as usual_days, quantile_disc(gap, 0.9) as longest_usual_days
    from recent
    group by source
    having count(*) >= 3 and sum(gap) >= 14
),
recent_files as (
    select f.first_row_id, f.staged_at
    from export_files f join files l using (source)
    where f.row_count > 0 and f.staged_at > l.last_file_at - interval 30 days
),
delays as (
    select
        p.source, quantile_cont(epoch(r.staged_at - p.occurred_at) / 3600, [0.5, 0.95]) as hours
    from presence p
        join recent_files r on r.first_row_id = p.row_id - p."row_number" + 1
    where p.outcome in ('accepted', 'pending') and p.row_id >= (select min(first_row_id) from recent_files)
    group by p.source
),
events as (
    select
        source, max(occurred_at) filter (where not coalesce(list_contains(reasons, 'future_timestamp'), false)) as last_event_at,
        count(*) filter (where outcome = 'pending') as pending, count(*) filter (where outcome = 'rejected') as rejected
    from presence
    group by source
)
select
    f.source, f.files, f.rows_read, f.last_file, f.last_file_at, e.last_event_at,
    greatest(s.as_of::date - f.last_file_at::date, 0) as silent_days,
    u.usual_days, u.longest_usual_days,
    coalesce(silent_days > u.longest_usual_days, false) as is_silent,
    round(d.hours[1], 2) as delay_p50_hours, round(d.hours[2], 2) as delay_p95_hours,
    coalesce(e.pending, 0) as pending, coalesce(e.rejected, 0) as rejected,
    s.as_of
from files f
    cross join snapshot s
    left join usual u using (source)
    left join delays d using (source)
    left join events e using (source)
order by f.source
