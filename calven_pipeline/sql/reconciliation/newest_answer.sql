-- One row: the newest revision of the answers. Reads answers.
-- The next reconciliation goes on from there.
select coalesce(max(revision), 0) from answers
