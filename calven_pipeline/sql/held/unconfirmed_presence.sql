-- One JSON array: days for which Calven does not report the person. Reads unconfirmed_presence, known_users, person.
-- While they are looked for, and a while after.
select coalesce(to_json(list(t order by t.local_date, t.day)), '[]')::varchar
from (
    select u.local_date, u.day, u.looks, iso_utc(u.looked_at) as looked_at
    from unconfirmed_presence u join known_users k on k.user_key = u.user_key
    where lower(k.user_id) in (select value from person where kind = 'id')
) t
