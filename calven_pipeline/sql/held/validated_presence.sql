-- One JSON array: what was found of the person's rows, and their outcome. Reads validated_presence, person_rows, answers, outbox.
-- Outcomes as analysts see them.
select coalesce(to_json(list(t order by t.row_id)), '[]')::varchar
from (
    select
        v.row_id, outcome_of(v.verdict, a.is_accepted, o.row_id is not null) as outcome, v.verdict, v.reasons, k.user_id,
        l.location_id, l.location_type, v.sends_email
    from validated_presence v
        join person_rows r on r.row_id = v.row_id
        left join known_users k on k.user_key = v.user_key
        left join known_locations l on l.location_key = v.location_key
        left join outbox o on o.row_id = v.row_id
        left join (
            select row_id, max_by(accepted, (revision, answered_at)) as is_accepted
            from answers
            where row_id in (select row_id from person_rows where is_theirs)
            group by row_id
        ) a on a.row_id = v.row_id
    where r.is_theirs
) t
