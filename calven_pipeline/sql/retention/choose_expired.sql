-- One row per judged row of a range that is of a day before $before and that nobody waits for: accepted and not to be sent again,
-- duplicate, ignored, or rejected for good. Reads the tables of a row's way; for its day see ranges_of_expired.
insert into rows_to_remove
with answered as (
    select row_id, max_by(accepted, (revision, answered_at)) as is_accepted
    from answers
    where row_id between $first_row_id and $last_row_id
    group by row_id
),
ended as (
    select s.row_id, outcome_of(v.verdict, a.is_accepted, false) as outcome
    from staged_presence s
        join export_files f on f.file_id = s.file_id
        join validated_presence v on v.row_id = s.row_id
        left join answered a on a.row_id = s.row_id
    where
        s.row_id between $first_row_id and $last_row_id
        and v.row_id between $first_row_id and $last_row_id
        and if(s.local_date <= f.staged_at::date + 1, s.local_date, f.staged_at::date) < $before::date
)
select row_id
from ended
where
    outcome is not null
    and row_id not in (select row_id from outbox)
    and row_id not in (select row_id from rejections where status = 'open')
