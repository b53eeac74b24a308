-- The first malformed rows with their text. Reads read_rows.
-- Their lines in the file are looked for by that text.
select row_number, malformed from read_rows where malformed is not null order by row_number limit $rows
