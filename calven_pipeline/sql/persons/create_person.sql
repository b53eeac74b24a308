-- One row per thing that stands for the person who is asked for: `kind` is id, address or badge, in small letters. `is_theirs` is
-- false where it stands for somebody else by now, or for several. Reads address_owners, badge_owners,
-- seen_with, everyone, staged_presence, export_files.
create or replace temp table person as
with addresses as (
    select address as value, true as is_theirs from address_owners where id = $id
    union
    select lower($address), true where $address::varchar is not null
),
lost_addresses as (
    select lower(address) as value from everyone where id = $id and address is not null
    union
    select address from seen_with where id = $id and address is not null
),
badges_of_theirs as (
    select source, badge as value
    from badge_owners
    where id = $id or (id is null and address in (select value from addresses))
),
-- the badge asked for, in sources where it stands for nobody: theirs where nothing else is known of them
asked_badges as (
    select distinct f.source, lower(s.source_user_id) as value
    from staged_presence s join export_files f on f.file_id = s.file_id
    where
        lower(s.source_user_id) = lower($badge)
        and f.source = coalesce($source, f.source)
        and (f.source, lower(s.source_user_id))
            not in (select (source, badge) from badge_owners where claimants > 0 or address is not null)
)
select 'id' as kind, null::varchar as source, $id as value, true as is_theirs where $id::varchar is not null
union all
select 'address', null, value, is_theirs from addresses
union all
select 'address', null, value, false from lost_addresses where value not in (select value from addresses)
union all
select 'badge', source, value, true from badges_of_theirs
union all
select 'badge', source, value, coalesce($id::varchar, $address) is null from asked_badges
union all
select distinct 'badge', source, badge, false
from seen_with
where id = $id and badge is not null and (source, badge) not in (select (source, value) from badges_of_theirs)
