-- One row: whether anything could be compared the last time that Calven was asked. Reads reconciliations.
-- Rows that came without anybody being looked for could not; true where it never was asked.
select coalesce(arg_max(row_count = 0 or expected > 0, revision), true) from reconciliations
