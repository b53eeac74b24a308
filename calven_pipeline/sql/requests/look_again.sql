-- One row per chosen rejection that the next validation is to look at. Reads chosen_rows.
-- Those that pass are sent.
insert into rows_asked_for
select row_id from chosen_rows where plan = 'look' and row_id not in (select row_id from rows_asked_for)
