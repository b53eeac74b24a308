-- One row per event id that an answer reports; of several results for one id, the one that is no success. Reads noted.
-- An unknown code is text until it is compared: only 0 is success (published), and a missing one reports nothing.
create or replace temp table results as
with reported as (
    select call_id, unnest(results) as result from noted
),
coded as (
    select
        call_id, lower(result.eventId) as event_id, trim(result.resultCode) as code, result.message as message,
        coalesce(try_cast(code as double) <> 0, code is not null) as is_rejected
    from reported
    where result.eventId is not null
)
select
    call_id, event_id,
    max_by(code, is_rejected) as code, max_by(message, is_rejected) as message, bool_or(is_rejected) as is_rejected
from coded
group by call_id, event_id
