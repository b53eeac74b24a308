-- One row per object pulled; an object that came twice stays once. Reads pulled.
-- In the transaction that removed the old ones.
insert into users by name from pulled qualify row_number() over (partition by lower(user_id) order by user_id) = 1
