-- Addresses and spellings of known users as last pulled. Reads users.
-- A user who is gone keeps the last address.
update known_users
set user_id = u.user_id, user_email = u.email
from (select lower(user_id) as id, any_value(user_id) as user_id, any_value(email) as email from users group by 1) u
where
    lower(known_users.user_id) = u.id
    and (known_users.user_id <> u.user_id or known_users.user_email is distinct from u.email)
