-- One row per event id that stands in more than one new row, with the row that came first. Reads staged_presence.
-- Ignored and malformed rows stand for no event, and one whose outcome nobody listed for none until somebody does.
create or replace temp table repeats as
select event_key, min(row_id) as first_row_id
from staged_presence
where row_id > $last_row_judged and kept and unlisted is null and event_key is not null
group by event_key
having count(*) > 1
