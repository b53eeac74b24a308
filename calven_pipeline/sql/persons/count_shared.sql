-- One row: how many of the person's addresses and badges stand, or stood, for somebody else too. Reads person, address_owners,
-- badge_owners.
select count(*) filter (p.kind = 'address'), count(*) filter (p.kind = 'badge')
from person p
    left join address_owners a on p.kind = 'address' and a.address = p.value
    left join badge_owners b on p.kind = 'badge' and b.source = p.source and b.badge = p.value
where p.kind <> 'id' and (not p.is_theirs or coalesce(a.claimants, b.claimants, 0) > 1)
