-- One row per user. Reads users.
-- Replaced as a whole where another answer was pulled.
insert into analytics.users by name
select
    as_key(user_id) as user_id, if_named(user_name) as user_name, if_named(email) as email,
    if_named(first_name) as first_name, if_named(last_name) as last_name, as_key(status) as status, onboarded,
    as_key(primary_group_id) as primary_group_id, primary_location_id,
    if_named(extra) as extra, pulled_at
from users
