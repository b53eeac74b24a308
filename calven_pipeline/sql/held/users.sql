-- One JSON array: the person at the last pull. Reads users, person.
-- As Calven answered.
select coalesce(to_json(list(t)), '[]')::varchar
from (
    select * replace (iso_utc(pulled_at) as pulled_at)
    from users
    where lower(user_id) in (select value from person where kind = 'id')
) t
