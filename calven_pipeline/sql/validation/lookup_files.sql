-- One row per export file, with what its source's profile says. Reads export_files, sources.
-- A source that left sources.yaml is judged by the profile it had last.
create or replace temp table judged_files as
select f.file_id, s.source, s.has_people, s.has_places, s.corrects_email_case
from export_files f join sources s using (source)
