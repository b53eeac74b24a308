-- One row per person, place and local day of accepted events of a range that are being removed. Reads removing, removed_rows,
-- salt, staged_presence, validated_presence, known_users, known_locations.
insert into removed_days
select distinct
    hashed((select salt from salt), day_of(u.user_id, l.location_id, l.location_type, s.local_date)) as day_hash, s.local_date
from staged_presence s
    join removing x on x.row_id = s.row_id
    join removed_rows r on r.row_id = s.row_id
    join validated_presence v on v.row_id = s.row_id
    join known_users u on u.user_key = v.user_key
    join known_locations l on l.location_key = v.location_key
where
    s.row_id between $first_row_id and $last_row_id and v.row_id between $first_row_id and $last_row_id
    and r.row_id between $first_row_id and $last_row_id and r.outcome = 'accepted' and s.local_date is not null
    and day_hash not in (select day_hash from removed_days)
