-- One row per address without regard to case, with how many users bear it. Reads addresses, known_users.
-- For addresses that differ from the provisioned one by case alone.
create or replace temp table loose_addresses as
select
    lower(address) as address, sum(users)::bigint as users, min(user_key) as user_key, concat_ws(' or ', min(address), nullif(max(address), min(address))) as provisioned,
    case when sum(users) > 1 then flatten(list(coalesce(user_keys, [user_key]))) end as user_keys
from addresses
group by lower(address)
