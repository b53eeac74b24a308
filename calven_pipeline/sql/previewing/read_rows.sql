-- One row per row read: as it was understood, and what would become of it. Reads what staging and validation left.
-- $zone is null, or the zone to show times in.
create or replace temp table read_rows as
select
    s.row_id - f.first_row_id + 1 as row_number,
    s.occurred_at,
    s.occurred_at at time zone 'UTC' at time zone $zone as local_time,
    s.timestamp_text,
    coalesce(s.source_user_id, s.user_email, s.user_id) as person,
    coalesce(u.user_email, p.user_email, p.user_id) as user_email,
    coalesce(s.place, s.location_id) as place,
    coalesce(n.name, l.location_type || ' ' || left(l.location_id, 8) || '...') as location,
    case v.verdict when 'valid' then 'pending' else v.verdict end as outcome,
    v.reasons, r.detail, r.suggestion, s.malformed,
    coalesce(s.event_id, s.event_key::varchar) as event_id, s.local_date
from staged_presence s
    join export_files f on f.file_id = s.file_id
    join validated_presence v on v.row_id = s.row_id
    left join rejections r on r.row_id = s.row_id
    left join known_users u on u.user_key = v.user_key
    left join known_locations l on l.location_key = v.location_key
    left join place_names n on n.id = lower(l.location_id) and n.location_type = l.location_type
    left join people p on p.source = f.source and p.source_user_key = lower(s.source_user_id)
