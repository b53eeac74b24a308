-- One row per source and door that its places table does not map, the most waiting events first. Reads rejections, presence.
-- Open rejections alone; a door is the same in capitals and small letters.
select
    p.source, min(p.source_place) as source_place,
    count(*) as waiting_events,
    count(*) filter (where len(j.reasons) = 1) as waiting_for_this_alone,
    count(distinct lower(coalesce(p.source_user_id, p.user_id, p.user_email))) as people,
    count(distinct p.local_date) as days,
    min(p.occurred_at) as first_seen_at, max(p.occurred_at) as last_seen_at
from rejections j
    join presence p using (row_id)
where j.status = 'open' and list_contains(j.reasons, 'unmapped_place')
group by p.source, lower(p.source_place)
order by waiting_events desc, p.source, source_place
