-- One row per valid row of a collapsing source whose person, place and local day have an event that Calven accepted and that was
-- removed since. Reads validated_presence, staged_presence, judged_files, known_users, known_locations, removed_days, salt.
insert into collapsed_rows
select v.row_id
from validated_presence v
    join staged_presence s on s.row_id = v.row_id
    join judged_files f on f.file_id = s.file_id
    join known_users u on u.user_key = v.user_key
    join known_locations l on l.location_key = v.location_key
where
    v.revision = $revision and v.verdict = 'valid' and f.collapses
    and s.local_date in (select local_date from removed_days)
    and hashed((select salt from salt), day_of(u.user_id, l.location_id, l.location_type, s.local_date))
        in (select day_hash from removed_days)
    and v.row_id not in (from collapsed_rows)
