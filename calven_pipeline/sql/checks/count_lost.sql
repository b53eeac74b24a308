-- One row: how many badges and how many doors stand for nobody now. Reads lost_mappings.
-- Counts: a badge is somebody's.
select count(*) filter (ours = 'source_user_id'), count(*) filter (ours = 'place') from lost_mappings
