-- One row: events in the outbox whose newest answer is no acceptance, which is what `pending` counts. Reads outbox, answers.
-- An accepted event that is being sent again is no pending one.
with accepted as (
    select row_id
    from answers
    where row_id in (select row_id from outbox)
    group by row_id
    having max_by(accepted, (revision, answered_at))
)
select (select count(*) from outbox) - (select count(*) from accepted)
