-- One row per source: its last file, delay and silence. Reads source_health, export_files, presence.
-- No time of an event: the last one would tell when somebody came. The delay is hidden where it is of fewer people than the smallest
-- group: with the time of the file it would tell the same.
with recent as (
    select f.source, f.first_row_id
    from export_files f join source_health h using (source)
    where f.row_count > 0 and f.staged_at > h.last_file_at - interval 30 days
),
people as (
    select p.source, count(distinct coalesce(lower(p.user_id), lower(p.user_email))) as people
    from presence p join recent r on r.first_row_id = p.row_id - p."row_number" + 1
    where p.outcome in ('accepted', 'pending') and p.row_id >= (select min(first_row_id) from recent)
    group by p.source
)
select
    h.source, h.last_file, h.last_file_at, h.silent_days, h.usual_days, h.longest_usual_days, h.is_silent,
    case when p.people >= $smallest_group then round(h.delay_p50_hours)::integer end as delay_hours
from source_health h left join people p using (source)
order by h.is_silent desc, h.source
