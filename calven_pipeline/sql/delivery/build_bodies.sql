-- One row per planned call: its number, its JSON text in the published shape, and its events. Reads planned and the judged rows.
-- Exactly one of userId and userEmail (a user whose address has gone is named by id); times in UTC to the second.
with events as (
    select
        p.call_id, p.source_id,
        if(v.sends_email and u.user_email is not null, 'userEmail', 'userId') as user_field,
        if(v.sends_email and u.user_email is not null, u.user_email, u.user_id) as user_name,
        concat(
            '{"timestamp":"', strftime(s.occurred_at, '%Y-%m-%dT%H:%M:%SZ'),
            '","locationId":', to_json(l.location_id),
            ',"locationType":"', l.location_type,
            '","eventId":', to_json(coalesce(s.event_id, s.event_key::varchar)),
            ',"sourceUserId":' || to_json(s.source_user_id),
            ',"', user_field, '":', to_json(user_name), '}'
        ) as event
    from planned p
        join staged_presence s on s.row_id = p.row_id
        join validated_presence v on v.row_id = p.row_id
        join known_users u on u.user_key = v.user_key
        join known_locations l on l.location_key = v.location_key
    where
        s.row_id between $first_row_id and $last_row_id
        and v.row_id between $first_row_id and $last_row_id
)
select
    call_id,
    concat('{"sourceId":', to_json(any_value(source_id)), ',"presenceEvents":[', string_agg(event, ','), ']}'),
    count(*)
from events
group by call_id
order by call_id
