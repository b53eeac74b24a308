-- One JSON array: what Calven reported of the person. Reads calven_presence, person.
-- Recognised by id or address, or named anywhere in the row.
select coalesce(to_json(list(t order by t.first_day)), '[]')::varchar
from (
    select * replace (iso_utc(pulled_at) as pulled_at)
    from calven_presence
    where
        lower(user_id) in (select value from person where kind = 'id')
        or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
        or coalesce(regexp_matches(details::varchar, $mention, 'i'), false)
) t
