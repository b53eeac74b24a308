-- One row per source and badge (small letters): the one user, or the address without a user, that it stands for, and how many
-- users it ever stood for. The people table counts, else rows: nobody where they show several. Reads badges, address_owners, seen_with.
create or replace temp table badge_owners as
with mapped as (
    select b.source, b.badge, coalesce(lower(b.user_id), o.id) as id, lower(b.user_email) as address
    from badges b left join address_owners o on o.address = lower(b.user_email)
    where b.user_id is not null or b.user_email is not null
),
seen as (
    select source, badge, list(distinct id) as ids from seen_with where badge is not null group by source, badge
)
select
    coalesce(m.source, s.source) as source,
    coalesce(m.badge, s.badge) as badge,
    case when m.badge is not null then m.id when len(s.ids) = 1 then s.ids[1] end as id,
    m.address,
    len(list_distinct(list_concat(coalesce(s.ids, []), if(m.id is null, [], [m.id])))) as claimants
from mapped m full join seen s on s.source = m.source and s.badge = m.badge
