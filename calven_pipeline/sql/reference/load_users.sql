-- One row per user in a warehouse answer. Reads the JSON array in the file $path.
-- Published fields become columns; every other field stays in `extra`.
create or replace temp table pulled as
select
    json ->> 'userId' as user_id,
    json ->> 'userName' as user_name,
    json ->> 'email' as email,
    json ->> 'firstName' as first_name,
    json ->> 'lastName' as last_name,
    json ->> 'status' as status,
    try_cast(json ->> 'onboarded' as boolean) as onboarded,
    json ->> 'primaryGroupId' as primary_group_id,
    json ->> 'primaryLocationId' as primary_location_id,
    json_merge_patch(
        json,
        '{"userId": null, "userName": null, "email": null, "firstName": null, "lastName": null, "status": null,
          "onboarded": null, "primaryGroupId": null, "primaryLocationId": null}'
    ) as extra,
    $pulled_at::timestamptz at time zone 'UTC' as pulled_at
from read_json_objects($path, format = 'array', maximum_object_size = 67108864)
