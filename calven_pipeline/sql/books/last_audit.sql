-- One row: up to which revision and row the books balanced last, and the answers there were; zeros before the first time.
-- Reads audits.
select coalesce(max(revision), 0), coalesce(max(last_row_id), 0), coalesce(max_by(answers, revision), 0) from audits
