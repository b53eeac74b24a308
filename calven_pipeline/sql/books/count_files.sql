-- One row per touched file of a range: its rows as read, and those that are there or were removed in each outcome. Reads
-- touched_files, staged_presence, validated_presence, answers, outbox, removed_rows. A row without a verdict is in no outcome and one
-- with two verdicts in two, so the sum tells. A file without rows begins where the next one does, and none of that one's rows are its.
insert into counted_files
with touched as (from touched_files where first_row_id between $first_row_id and $last_first_row_id),
rows_read as (
    select row_id, file_id
    from staged_presence
    where row_id between $first_row_id and $last_row_id and file_id in (select file_id from touched)
),
answered as (
    select row_id, max_by(accepted, (revision, answered_at)) as is_accepted
    from answers
    where row_id between $first_row_id and $last_row_id
    group by row_id
),
ended as (
    select r.row_id, r.file_id, outcome_of(v.verdict, a.is_accepted, o.row_id is not null) as outcome
    from rows_read r
        left join validated_presence v on v.row_id = r.row_id and v.row_id between $first_row_id and $last_row_id
        left join answered a on a.row_id = r.row_id
        left join outbox o on o.row_id = r.row_id
    union all
    select r.row_id, t.file_id, r.outcome
    from removed_rows r asof join (from touched where row_count > 0) t on r.row_id >= t.first_row_id
    where r.row_id between $first_row_id and $last_row_id and r.row_id <= t.last_row_id
),
counted as (
    select
        file_id,
        count(*) filter (outcome = 'accepted') as accepted,
        count(*) filter (outcome = 'rejected') as rejected,
        count(*) filter (outcome = 'pending') as pending,
        count(*) filter (outcome = 'duplicate') as duplicate,
        count(*) filter (outcome = 'ignored') as ignored
    from ended
    group by file_id
)
select
    t.file_id, t.row_count,
    coalesce(accepted, 0) as accepted, coalesce(rejected, 0) as rejected, coalesce(pending, 0) as pending,
    coalesce(duplicate, 0) as duplicate, coalesce(ignored, 0) as ignored
from touched t left join counted c using (file_id)
