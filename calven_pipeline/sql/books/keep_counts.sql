-- One row per touched file: its outcomes. Reads counted_files.
-- See count_files.
insert into file_outcomes select file_id, accepted, rejected, pending, duplicate, ignored from counted_files
