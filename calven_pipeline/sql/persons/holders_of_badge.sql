-- One row per source in which the badge $badge stands, or stood, for somebody: the user, or the address without a user; both null
-- where it stood for several. Reads badge_owners.
select source, id, address
from badge_owners
where badge = lower($badge) and source = coalesce($source, source) and (claimants > 0 or address is not null)
order by source
