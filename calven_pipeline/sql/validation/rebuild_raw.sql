-- The text of rejected rows whose file is gone, from what was staged. Reads staged_presence.
-- Only the columns that the profile names are left then.
update rejections
set raw = x.raw
from (
    select
        s.row_id,
        to_json({
            'timestamp': coalesce(s.timestamp_text, strftime(s.occurred_at, '%Y-%m-%dT%H:%M:%SZ')),
            'event_id': coalesce(s.event_id, case when s.has_own_event_id then s.event_key::varchar end),
            'source_user_id': s.source_user_id, 'user_id': s.user_id, 'user_email': s.user_email,
            'location_id': s.location_id, 'location_type': s.location_type, 'place': s.place
        })::varchar as raw
    from staged_presence s
    where s.row_id in (select row_id from rejections where raw is null)
) x
where rejections.row_id = x.row_id and rejections.raw is null
