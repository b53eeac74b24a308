-- One row per reason: open rejections, and since when the first of them is. Reads rejections.
-- The most frequent first.
select reason, count(*), min(first_rejected_at)
from rejections
where status = 'open'
group by reason
order by count(*) desc, reason
