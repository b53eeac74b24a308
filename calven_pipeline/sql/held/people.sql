-- One JSON array: the person's badges, as the people tables have them. Reads people, person.
-- One object per source and badge.
select coalesce(to_json(list(t order by t.source, t.source_user_key)), '[]')::varchar
from (
    from people
    where
        lower(user_id) in (select value from person where kind = 'id')
        or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
        or (source, source_user_key) in (select (source, value) from person where kind = 'badge' and is_theirs)
) t
