-- One row per export file, with what its source's profile says. Reads export_files, sources.
-- A source that left sources.yaml is judged by the profile it had last; one that left before its first validation has none.
create or replace temp table judged_files as
select
    f.file_id, f.source, coalesce(s.has_people, false) as has_people, coalesce(s.has_places, false) as has_places,
    coalesce(s.corrects_email_case, false) as corrects_email_case,
    coalesce(json_extract_string(s.rules, '$.collapse') = 'daily', false) as collapses,
    json_extract_string(s.rules, '$.fallback.location_id') as fallback_id,
    json_extract_string(s.rules, '$.fallback.location_type') as fallback_type
from export_files f left join sources s using (source)
