-- The first $rows rows of the file. Reads read_rows.
-- In the order of the file.
select
    row_number, occurred_at, local_time, timestamp_text, person, user_email, place, location, outcome, reasons, detail,
    suggestion, malformed
from read_rows
order by row_number
limit $rows
