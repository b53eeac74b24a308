-- One row per row whose event id stood in an earlier row, and whether its content differs from that row's.
-- Reads repeats, staged_presence. A derived id is made of the content, so only an export's own id can differ. Rows that nobody
-- had listed are added later.
create or replace temp table marked_rows as
select
    s.row_id,
    s.has_own_event_id and differs_from(s, e) as differs,
    null::varchar as listing
from (select event_key, min(first_row_id) as first_row_id from repeats group by event_key) r
    join staged_presence s on s.event_key = r.event_key
    join staged_presence e on e.row_id = r.first_row_id
where s.row_id > $last_row_judged and s.kept and s.unlisted is null and s.row_id > r.first_row_id
