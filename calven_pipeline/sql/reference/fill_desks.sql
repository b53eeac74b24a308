-- One row per object pulled; an object that came twice stays once. Reads pulled.
-- In the transaction that removed the old ones.
insert into desks by name from pulled qualify row_number() over (partition by lower(desk_id) order by desk_id) = 1
