-- One row: how many rows that were chosen to be forgotten are still there. Reads rows_to_forget.
-- More than none after a run that was interrupted.
select count(*) from rows_to_forget
