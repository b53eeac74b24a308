-- One row per source and reason for which rows were rejected, the most frequent open ones first. Reads rejections, reasons.
-- A row with several reasons counts once, for its first one.
select
    j.source, r.stage, j.reason,
    count(*) filter (where j.status = 'open') as open_rows,
    count(*) filter (where j.status = 'resolved') as resolved_rows,
    count(distinct j.source_file) filter (where j.status = 'open') as open_files,
    min(j.first_rejected_at) filter (where j.status = 'open') as open_since_at,
    max(j.last_checked_at) as last_checked_at,
    r.what_to_do
from rejections j
    left join reasons r using (reason)
group by j.source, r.stage, j.reason, r.what_to_do
order by open_rows desc, j.source, j.reason
