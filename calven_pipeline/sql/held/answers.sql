-- One JSON array: Calven's answers to the person's events. Reads answers, person_rows.
-- Every one, oldest first.
select coalesce(to_json(list(t order by t.row_id, t.answered_at)), '[]')::varchar
from (
    select * exclude (revision) replace (iso_utc(answered_at) as answered_at)
    from answers
    where row_id in (select row_id from person_rows where is_theirs)
) t
