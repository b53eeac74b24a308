-- One JSON array: desks that name the person. Reads desks.
-- Such as the one that is theirs.
select coalesce(to_json(list(t order by t.desk_id)), '[]')::varchar
from (
    select * replace (iso_utc(pulled_at) as pulled_at)
    from desks
    where regexp_matches(extra::varchar, $mention, 'i')
) t
