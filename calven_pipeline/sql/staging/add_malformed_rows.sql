-- One row per malformed line of one file. Reads malformed_rows(row_number, raw).
-- Such a row has a number and a text, and nothing else.
insert into staged_presence (row_id, file_id, kept, malformed)
select $first_row_id + row_number - 1, $file_id, true, raw from malformed_rows
