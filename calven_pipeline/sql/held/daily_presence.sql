-- One JSON array: where the person was seen on which local day, as in `daily_presence` of calven.duckdb. Reads staged_presence,
-- validated_presence, answers, known_locations, person_rows. Accepted events alone.
select coalesce(to_json(list(t order by t.local_date, t.location_id)), '[]')::varchar
from (
    select
        s.local_date, l.location_id, l.location_type, iso_utc(min(s.occurred_at)) as first_seen_at,
        iso_utc(max(s.occurred_at)) as last_seen_at, count(*) as events
    from staged_presence s
        join person_rows r on r.row_id = s.row_id
        join validated_presence v on v.row_id = s.row_id
        join known_locations l on l.location_key = v.location_key
        join (
            select row_id
            from answers
            where row_id in (select row_id from person_rows where is_theirs)
            group by row_id
            having max_by(accepted, (revision, answered_at))
        ) a on a.row_id = s.row_id
    where r.is_theirs and v.verdict = 'valid'
    group by s.local_date, l.location_id, l.location_type
) t
