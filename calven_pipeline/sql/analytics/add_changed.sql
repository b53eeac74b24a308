-- One row per changed row of a range, as analysts see it. Reads changed_rows and the pipeline's tables.
-- The outcome is Calven's where it answered, else ours; the newest answer counts. Rows come in the order of their staging without
-- being sorted: staged_presence is the side of each join that is read through (a sort cost a tenth of all).
insert into analytics.presence by name
with judged as (
    select row_id, verdict, reasons, user_key, location_key
    from validated_presence
    where
        row_id between $first_row_id and $last_row_id
        and (row_id > $synced_row_id or row_id in (from changed_rows))
),
answered as (
    select a.* from answers a where a.row_id between $first_row_id and $last_row_id and a.row_id in (select row_id from judged)
),
repeated as (select row_id from answered group by row_id having count(*) > 1),
settled as (
    select * from answered where row_id not in (from repeated)
    union all
    select * from answered where row_id in (from repeated)
    qualify row_number() over (partition by row_id order by revision desc, answered_at desc) = 1
)
select
    event_key_of(s.event_id, s.event_key, s.has_own_event_id) as event_id,
    f.source, f.source_id, f.source_file,
    s.row_id - f.first_row_id + 1 as row_number,
    s.occurred_at, s.local_date, as_key(s.source_user_id) as source_user_id, s.place as source_place,
    as_key(coalesce(u.user_id, s.user_id)) as user_id,
    if_named(coalesce(u.user_email, s.user_email)) as user_email,
    case
        when l.location_type = 'space' and contains(l.location_id, '@') then as_key(l.location_id)  -- known by being named
        else coalesce(l.location_id, as_key(s.location_id))
    end as location_id,
    coalesce(l.location_type, as_key(s.location_type)) as location_type,
    outcome_of(v.verdict, a.accepted, o.row_id is not null) as outcome,
    case
        when v.verdict <> 'valid' then v.reasons
        when outcome = 'rejected' then [a.reason]
    end as reasons,
    greatest(coalesce(a.attempts, 0), coalesce(o.attempts, 0)) as attempts,
    case when a.accepted then a.answered_at end as delivered_at,
    a.result_code, if_named(a.result_message) as result_message,
    coalesce(o.last_call_id, a.call_id) as call_id,
    s.row_id
from staged_presence s
    join judged v on v.row_id = s.row_id
    join export_files f on f.file_id = s.file_id
    left join known_users u on u.user_key = v.user_key
    left join known_locations l on l.location_key = v.location_key
    left join settled a on a.row_id = s.row_id
    left join (from outbox where row_id between $first_row_id and $last_row_id) o on o.row_id = s.row_id
where s.row_id between $first_row_id and $last_row_id
