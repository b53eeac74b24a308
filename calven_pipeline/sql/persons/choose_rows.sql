-- Writes down which rows are to be forgotten, so that an interrupted run is finished by the next. Reads person_rows.
-- In the transaction that settles them.
insert into rows_to_forget select row_id from person_rows where is_theirs
