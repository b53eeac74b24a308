-- One row per address at the last pull, with how many users bear it. Reads users, known_users.
-- Addresses compare with case.
create or replace temp table addresses as
select
    u.email as address, count(distinct k.user_key) as users, min(k.user_key) as user_key,
    case when count(distinct k.user_key) > 1 then list(distinct k.user_key) end as user_keys
from users u join known_users k on lower(k.user_id) = lower(u.user_id)
where u.email is not null
group by u.email
