-- One row per location in a warehouse answer. Reads the JSON array in the file $path.
-- Published fields become columns; every other field stays in `extra`.
create or replace temp table pulled as
select
    json ->> 'locationId' as location_id,
    json_merge_patch(json, '{"locationId": null}') as extra,
    $pulled_at::timestamptz at time zone 'UTC' as pulled_at
from read_json_objects($path, format = 'array', maximum_object_size = 67108864)
