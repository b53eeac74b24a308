-- One row: how many rows are new or may have changed. Reads changed_rows.
-- Without any, presence stays as it is.
select count(*) from changed_rows
