-- One row per changed row of a range, as analysts see it. Reads changed_rows and the pipeline's tables.
-- The outcome is Calven's where it answered, else ours; the newest answer counts. Rows come in the order of their staging.
insert into analytics.presence by name
with changed as (select row_id from changed_rows where row_id between $first_row_id and $last_row_id),
settled as (
    select a.*
    from answers a
    where a.row_id between $first_row_id and $last_row_id and a.row_id in (from changed)
    qualify row_number() over (partition by a.row_id order by a.revision desc, a.answered_at desc) = 1
)
select
    coalesce(s.event_id, s.event_key::varchar) as event_id,
    f.source, f.source_id, f.source_file,
    s.row_id - f.first_row_id + 1 as row_number,
    s.occurred_at, s.local_date, s.source_user_id,
    coalesce(u.user_id, s.user_id) as user_id,
    coalesce(u.user_email, s.user_email) as user_email,
    coalesce(l.location_id, s.location_id) as location_id,
    coalesce(l.location_type, s.location_type) as location_type,
    outcome_of(v.verdict, a.accepted, o.row_id is not null) as outcome,
    case
        when v.verdict <> 'valid' then v.reasons
        when outcome = 'rejected' then [a.reason]
    end as reasons,
    greatest(coalesce(a.attempts, 0), coalesce(o.attempts, 0)) as attempts,
    case when a.accepted then a.answered_at end as delivered_at,
    a.result_code, a.result_message,
    coalesce(o.last_call_id, a.call_id) as call_id,
    s.row_id
from staged_presence s
    join changed c on c.row_id = s.row_id
    join validated_presence v on v.row_id = s.row_id
    join export_files f on f.file_id = s.file_id
    left join known_users u on u.user_key = v.user_key
    left join known_locations l on l.location_key = v.location_key
    left join settled a on a.row_id = s.row_id
    left join outbox o on o.row_id = s.row_id
where s.row_id between $first_row_id and $last_row_id and v.row_id between $first_row_id and $last_row_id
order by s.row_id
