-- One row per object pulled; an object that came twice stays once. Reads pulled.
-- In the transaction that removed the old ones.
insert into locations by name from pulled qualify row_number() over (partition by lower(location_id) order by location_id) = 1
