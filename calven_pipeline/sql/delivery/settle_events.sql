-- One row per event that a noted answer settles. Reads noted, results, outbox, staged_presence.
-- An event of a readable answer that is not reported as rejected is loaded (published); an answer to a part of a call
-- names its events.
insert into answers
with settling as (
    select call_id, event_ids, attempts + sent_before as attempts, answered_at, refusal, results is not null as is_answer, correlation_id
    from noted
    where results is not null or refusal is not null
),
sent as (
    select row_id, call_id, attempts from outbox where call_id in (select call_id from settling)
),
named as (
    select o.row_id, o.call_id, o.attempts, coalesce(s.event_id, s.event_key::varchar) as event_id
    from sent o join staged_presence s on s.row_id = o.row_id
    where s.row_id between (select min(row_id) from sent) and (select max(row_id) from sent)
),
whole as (
    select e.*, n.attempts as tries, n.answered_at, n.refusal, n.is_answer, null as correlation_id
    from named e join settling n on n.call_id = e.call_id and n.event_ids is null
),
in_part as (
    select e.*, n.attempts as tries, n.answered_at, n.refusal, n.is_answer, n.correlation_id
    from named e
        join (select * exclude (event_ids), unnest(event_ids) as event_id from settling where event_ids is not null) n
            on n.call_id = e.call_id and n.event_id = e.event_id
),
answered as (from whole union all from in_part)
select
    e.row_id,
    e.call_id,
    e.is_answer and not coalesce(r.is_rejected, false) as accepted,
    case
        when accepted then null
        when e.refusal is not null then 'calven_bad_format'
        when try_cast(r.code as integer) = 1 then 'calven_user_not_found'
        when try_cast(r.code as integer) = 2 then 'calven_location_not_found'
        else 'calven_rejected'
    end as reason,
    try_cast(r.code as integer) as result_code,
    case
        when e.refusal is not null then e.refusal
        when r.is_rejected and try_cast(r.code as integer) is null then concat_ws(': ', concat('code ', r.code), r.message)
        else r.message
    end as result_message,
    e.attempts + e.tries as attempts,
    e.answered_at at time zone 'UTC' as answered_at,
    $revision as revision,
    e.correlation_id
from answered e
    left join results r on r.call_id = e.call_id and r.event_id = lower(e.event_id)
