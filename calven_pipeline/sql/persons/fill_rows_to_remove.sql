-- Hands the rows to forget to the removal. Reads rows_to_forget.
-- Those that an interrupted run has removed already are passed over there.
insert into rows_to_remove select distinct row_id from rows_to_forget
