-- One row: events accepted and rejected in this revision. Reads answers.
-- For progress and metadata.
select count(*) filter (accepted), count(*) filter (not accepted) from answers where revision = $revision
