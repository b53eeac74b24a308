-- One row per row that fits a request, with its outcome and what a replay would do with it: send (Calven has or had it), look (at a
-- rejection once more), waits (in the outbox already), stays (looking again cannot help). Reads the tables of a row's way.
-- Null means any; rows that are no event are never chosen.
create or replace temp table chosen_rows as
with files as (
    select file_id, source, source_file
    from export_files
    where source = coalesce($source, source) and source_file = coalesce($source_file, source_file)
),
rows_read as (
    select s.row_id, f.source, f.source_file
    from staged_presence s join files f on f.file_id = s.file_id
    where
        ($first_date::date is null or s.local_date >= $first_date::date)
        and ($last_date::date is null or s.local_date <= $last_date::date)
        and (
            list_has_any($outcomes, ['accepted', 'pending'])
            or s.row_id in (select row_id from rejections where status = 'open')
        )
),
answered as (
    select row_id, max_by(accepted, (revision, answered_at)) as is_accepted, bool_or(accepted) as was_accepted
    from answers
    where row_id in (select row_id from rows_read)
    group by row_id
),
ended as (
    select r.*, outcome_of(v.verdict, a.is_accepted, o.row_id is not null) as outcome, o.row_id is not null as waits,
        coalesce(a.was_accepted, false) as was_accepted
    from rows_read r
        join validated_presence v on v.row_id = r.row_id
        left join answered a on a.row_id = r.row_id
        left join outbox o on o.row_id = r.row_id
)
select
    e.row_id, e.source, e.source_file, e.outcome,
    case when e.outcome = 'rejected' then j.reasons end as reasons,
    case
        when e.waits then 'waits'
        when e.outcome = 'rejected' and j.status = 'resolved' then 'stays'
        when e.was_accepted then 'send'
        when
            list_has_any(
                j.reasons, ['malformed_row', 'missing_timestamp', 'invalid_timestamp', 'conflicting_event_id']
            )
            then 'stays'
        else 'look'
    end as plan
from ended e left join rejections j on j.row_id = e.row_id
where
    list_contains($outcomes, e.outcome)
    and e.outcome in ('accepted', 'pending', 'rejected')
    and (len($reasons) = 0 or (e.outcome = 'rejected' and list_has_any(j.reasons, $reasons)))
