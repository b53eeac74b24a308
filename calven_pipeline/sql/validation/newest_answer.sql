-- One row: the revision of the newest answer of Calven. Reads answers.
-- 0 where there is none.
select coalesce(max(revision), 0) from answers
