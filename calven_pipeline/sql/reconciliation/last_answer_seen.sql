-- One row: up to which revision of the answers Calven was asked. Reads reconciliations.
-- Zero where it never was.
select coalesce(max(answers_revision), 0) from reconciliations
