-- One row per source and reason of open rejections, the most frequent first; `row_count` is null where it is hidden. Reads rejections,
-- presence, reasons.
-- Of whatever day. Those of fewer people than the smallest group stand last, in the order of the documentation: their own order would
-- compare them. Rows that name nobody count as one person together: where addresses are left out, they may all be of one.
with counted as (
    select
        j.source, j.reason, count(*) as row_count,
        count(distinct coalesce(
            lower(p.user_id), lower(p.user_email), p.source || ' ' || lower(p.source_user_id), ''
        )) as people
    from rejections j left join presence p using (row_id)
    where j.status = 'open'
    group by j.source, j.reason
),
shown as (
    select source, reason, case when people >= $smallest_group then row_count end as row_count from counted
)
select s.source, s.reason, s.row_count, r.what_to_do
from shown s left join reasons r using (reason)
order by s.row_count desc nulls last, r.number, s.source
