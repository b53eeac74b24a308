-- One number per user not seen before. Reads users, known_users.
-- A number is used again only where nothing holds it any more (see forget_known_users), so old rows keep their meaning.
insert into known_users
select
    (select coalesce(max(user_key), 0) from known_users) + row_number() over (order by lower(user_id)),
    any_value(user_id), any_value(email)
from users
where lower(user_id) not in (select lower(user_id) from known_users)
group by lower(user_id)
