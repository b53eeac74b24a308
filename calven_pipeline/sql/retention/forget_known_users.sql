-- Removes people whom no row means and whom Calven did not name at the last pull. Reads validated_presence, users,
-- unconfirmed_presence.
delete from known_users
where
    user_key not in (select user_key from validated_presence where user_key is not null)
    and user_key not in (select user_key from unconfirmed_presence)
    and lower(user_id) not in (select lower(user_id) from users)
