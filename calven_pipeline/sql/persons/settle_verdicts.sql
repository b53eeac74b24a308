-- Rows to forget that wait, or whose rejection is open, are ignored from now on: nothing sends or judges them again. Reads
-- rows_to_forget, outbox, rejections, answers. What Calven once accepted stays accepted.
update validated_presence
set verdict = 'ignored', reasons = null, revision = $revision
where
    row_id in (from rows_to_forget)
    and (
        row_id in (select row_id from rejections where status = 'open')
        or (row_id in (select row_id from outbox) and verdict = 'valid')
    )
    and row_id not in (
        select row_id
        from answers
        where row_id in (from rows_to_forget)
        group by row_id
        having max_by(accepted, (revision, answered_at))
    )
