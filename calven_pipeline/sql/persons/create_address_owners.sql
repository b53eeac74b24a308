-- One row per address (small letters): the one user it stands for, null where it stands for several, and how many ever bore it.
-- Whoever bears it at the last pull counts, else who bore it last, else whom rows show with it. Reads everyone, seen_with.
create or replace temp table address_owners as
with claims as (
    select lower(address) as address, id, if(is_current, 1, 2) as rank from everyone where address is not null
    union all
    select address, id, 3 from seen_with where address is not null
),
ranked as (select *, rank = min(rank) over (partition by address) as counts from claims)
select
    address,
    case when count(distinct id) filter (counts) = 1 then min(id) filter (counts) end as id,
    count(distinct id) as claimants
from ranked
group by address
