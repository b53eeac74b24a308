-- One row per source and badge that its people table does not map, the most waiting events first. Reads rejections, presence.
-- Open rejections alone; a badge is the same in capitals and small letters.
select
    p.source, min(p.source_user_id) as source_user_id,
    count(*) as waiting_events,
    count(*) filter (where len(j.reasons) = 1) as waiting_for_this_alone,
    count(distinct p.local_date) as days,
    min(p.occurred_at) as first_seen_at, max(p.occurred_at) as last_seen_at
from rejections j
    join presence p using (row_id)
where j.status = 'open' and list_contains(j.reasons, 'unmapped_person')
group by p.source, lower(p.source_user_id)
order by waiting_events desc, p.source, source_user_id
