-- One row per event of the next calls: the oldest due events, at most $batch_size to a call, one source id to a call. Events that
-- were never tried come first: those that Calven refused must not keep the others waiting. Reads outbox, export_files.
create or replace temp table planned as
with due as (
    select row_id, last_call_id is not null as was_tried
    from outbox
    where call_id is null and tried_in is distinct from $revision
    order by was_tried, row_id
    limit $events
),
numbered as (
    select
        d.row_id, d.was_tried,
        f.source_id,
        (row_number() over (partition by d.was_tried, f.source_id order by d.row_id) - 1) // $batch_size as nth
    from due d asof join export_files f on d.row_id >= f.first_row_id
)
select
    row_id, source_id,
    (
        (select coalesce(max(call_id), 0) from calls) + dense_rank() over (order by was_tried, source_id, nth)
    )::integer as call_id
from numbered
