-- One JSON array: requests whose note names the person. Reads requests.
-- Replays and dismissals that somebody asked for.
select coalesce(to_json(list(t order by t.requested_at)), '[]')::varchar
from (
    select kind, iso_utc(requested_at) as requested_at, note
    from requests
    where regexp_matches(note, $mention, 'i')
) t
