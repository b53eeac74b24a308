-- One row per event that Calven refused in the answers just read. Reads answers, calls, noted.
-- Calven's code and words are the detail.
create or replace temp table refused_events as
select
    a.row_id,
    a.answered_at,
    a.reason,
    coalesce(a.correlation_id, c.correlation_id) as correlation_id,
    concat_ws(
        ': ', 'Calven answered', case when a.result_code is not null then concat('code ', a.result_code) end, a.result_message
    ) as detail
from answers a left join calls c on c.call_id = a.call_id
where a.revision = $revision and not a.accepted and a.call_id in (select call_id from noted)
