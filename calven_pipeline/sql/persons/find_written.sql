-- One row per badge or employee number of one source as it was staged, and $badge, which somebody asks for. Reads staged_presence,
-- export_files.
create or replace temp table written as
select distinct s.source_user_id as staged
from staged_presence s join export_files f on f.file_id = s.file_id
where f.source = $source and s.source_user_id is not null
union
select $badge where $badge::varchar is not null
