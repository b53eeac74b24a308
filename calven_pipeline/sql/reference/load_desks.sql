-- One row per desk in a warehouse answer. Reads the JSON array in the file $path.
-- Published fields become columns; every other field stays in `extra`.
create or replace temp table pulled as
select
    json ->> 'deskId' as desk_id,
    json ->> 'zoneId' as zone_id,
    json ->> 'levelId' as level_id,
    json_merge_patch(json, '{"deskId": null, "zoneId": null, "levelId": null}') as extra,
    $pulled_at::timestamptz at time zone 'UTC' as pulled_at
from read_json_objects($path, format = 'array', maximum_object_size = 67108864)
