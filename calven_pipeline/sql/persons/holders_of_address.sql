-- One row per user who bears the address $email: those of the best kind there is (now before once, as written before another
-- case), else the one whom rows show with it; null where these show several. Reads everyone, address_owners.
with holders as (
    select id, case when is_current then 1 else 3 end + (address <> $email)::integer as rank
    from everyone
    where lower(address) = lower($email)
)
select distinct id from holders where rank = (select min(rank) from holders)
union
select id from address_owners where address = lower($email) and not exists (from holders)
