-- One row per event that a noted answer settles. Reads noted, results, outbox.
-- An event of a readable answer that is not reported as rejected is loaded (published); an answer to a part of a call
-- names its events.
insert into answers
with sent as (
    select
        o.row_id, o.call_id, o.attempts as attempts_before,
        coalesce(s.event_id, s.event_key::varchar) as event_id
    from outbox o join staged_presence s on s.row_id = o.row_id
    where
        o.call_id in (select call_id from noted where answer is not null or refusal is not null)
        and s.row_id between (select min(row_id) from outbox where call_id is not null)
        and (select max(row_id) from outbox where call_id is not null)
)
select
    e.row_id,
    e.call_id,
    n.answer is not null and not coalesce(r.is_rejected, false) as accepted,
    case
        when accepted then null
        when n.refusal is not null then 'calven_bad_format'
        when try_cast(r.code as integer) = 1 then 'calven_user_not_found'
        when try_cast(r.code as integer) = 2 then 'calven_location_not_found'
        else 'calven_rejected'
    end as reason,
    try_cast(r.code as integer) as result_code,
    case
        when n.refusal is not null then n.refusal
        when r.is_rejected and try_cast(r.code as integer) is null then concat_ws(': ', concat('code ', r.code), r.message)
        else r.message
    end as result_message,
    e.attempts_before + n.attempts as attempts,
    n.answered_at at time zone 'UTC' as answered_at,
    $revision as revision
from sent e
    join noted n
        on n.call_id = e.call_id
        and (n.answer is not null or n.refusal is not null)
        and (n.event_ids is null or list_contains(n.event_ids, e.event_id))
    left join results r on r.call_id = e.call_id and r.event_id = lower(e.event_id)
qualify row_number() over (partition by e.row_id order by n.answered_at) = 1
