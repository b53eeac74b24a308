-- One row per user at the last pull, found by id. Reads users, known_users.
-- Ids compare without case.
create or replace temp table user_ids as
select k.user_key, lower(k.user_id) as id
from known_users k
where lower(k.user_id) in (select lower(user_id) from users)
