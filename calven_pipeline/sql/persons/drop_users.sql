-- Removes the person from the users of the last pull. Reads person.
-- The next pull brings them back while Calven has them.
delete from users where lower(user_id) in (select value from person where kind = 'id')
