-- What Calven calls a place and what it is in, of the other fields of an office or desk; null where it says neither. Places are no
-- people, so that much stays where names do not; what holds an address goes. Reads nothing.
create or replace temp macro place_names(extra) as nullif(json_merge_patch('{}', json_object(
    'name', name_of_place(extra ->> '$.name'), 'locationName', name_of_place(extra ->> '$.locationName'),
    'levelName', name_of_place(extra ->> '$.levelName'), 'zoneName', name_of_place(extra ->> '$.zoneName'),
    'deskName', name_of_place(extra ->> '$.deskName'), 'locationId', extra ->> '$.locationId', 'timeZone', name_of_place(extra ->> '$.timeZone')
)), '{}')
