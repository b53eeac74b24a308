-- Nobody looks for the person in what Calven reports any more. Reads known_users, person.
-- Their rows are gone.
delete from unconfirmed_presence
where user_key in (
    select user_key from known_users where lower(user_id) in (select value from person where kind = 'id')
)
