-- One row per Calven user, source, and badge or address that a row carries of which validation said that it means the user.
-- Reads validated_presence, known_users, staged_presence, export_files. Of a row that has an id of its own, the address proves nothing.
create or replace temp table seen_with as
select distinct
    lower(k.user_id) as id, f.source, lower(s.source_user_id) as badge,
    case when s.user_id is null then lower(s.user_email) end as address
from validated_presence v
    join known_users k on k.user_key = v.user_key
    join staged_presence s on s.row_id = v.row_id
    join export_files f on f.file_id = s.file_id
where s.source_user_id is not null or s.user_email is not null
