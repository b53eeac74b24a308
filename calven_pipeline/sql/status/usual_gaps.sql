-- One row per source: its last file, and how many days usually lie between days with new files. Reads export_files.
-- Of the last 60 gaps: the median, and what nine in ten keep to.
with days as (select distinct source, staged_at::date as staged_on from export_files),
gaps as (
    select source, staged_on, staged_on - lag(staged_on) over (partition by source order by staged_on) as days_between
    from days
),
recent as (
    from gaps
    where days_between is not null
    qualify row_number() over (partition by source order by staged_on desc) <= 60
),
usual as (
    select source, quantile_disc(days_between, 0.5) as usual_days, quantile_disc(days_between, 0.9) as longest_usual_days
    from recent
    group by source
    having count(*) >= $least_gaps and sum(days_between) >= $least_days
),
last_files as (
    select source, arg_max(source_file, (staged_at, source_file)) as source_file, max(staged_at) as staged_at,
        arg_max(row_count, (staged_at, source_file)) as row_count
    from export_files
    group by source
)
select f.source, f.source_file, f.staged_at, f.row_count, u.usual_days, u.longest_usual_days
from last_files f left join usual u using (source)
order by f.source
