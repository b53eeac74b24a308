-- One row per Calven user and address, at the last pull or, of who is gone, the last one known. Reads users, known_users.
-- Ids compare without case.
create or replace temp table everyone as
select lower(user_id) as id, email as address, true as is_current from users
union
select lower(user_id), user_name, true from users where contains(user_name, '@')
union
select lower(user_id), user_email, false
from known_users
where lower(user_id) not in (select lower(user_id) from users)
