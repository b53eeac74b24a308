-- One row per row of a range that is being removed. Reads removing, salt and the tables of a row's way.
-- It stands for its event where the row did, see find_earlier. What was still open can end no other way than ignored.
insert into removed_rows by name
with answered as (
    select row_id, max_by(accepted, (revision, answered_at)) as is_accepted
    from answers
    where row_id between $first_row_id and $last_row_id and row_id in (from removing)
    group by row_id
),
ended as (
    select
        s.*, v.verdict, v.reasons, coalesce(j.status = 'open', false) as is_open,
        outcome_of(v.verdict, a.is_accepted, o.row_id is not null) as outcome_now
    from staged_presence s
        join removing x on x.row_id = s.row_id
        join validated_presence v on v.row_id = s.row_id
        left join answered a on a.row_id = s.row_id
        left join outbox o on o.row_id = s.row_id
        left join rejections j on j.row_id = s.row_id
    where s.row_id between $first_row_id and $last_row_id and v.row_id between $first_row_id and $last_row_id
),
told as (
    select *, kept and (unlisted is null or is_the_event(verdict, reasons)) as is_event from ended
)
select
    row_id,
    case when is_event then hashed((select salt from salt), event_key::varchar) end as event_hash,
    case when is_event and has_own_event_id then hashed((select salt from salt), content_of(told)) end as content_hash,
    case
        when outcome_now in ('accepted', 'duplicate', 'ignored') then outcome_now
        when outcome_now = 'rejected' and not is_open then 'rejected'
        else 'ignored'
    end as outcome,
    local_date,
    $revision as revision
from told
order by row_id
