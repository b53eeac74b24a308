-- One row per new row whose event id stood first in a removed row, and whether its content differs from that row's. Reads repeats,
-- removed_events, staged_presence, salt. See find_repeated_rows.
insert into marked_rows
with firsts as (select event_key, min(first_row_id) as first_row_id from repeats group by event_key)
select
    s.row_id,
    s.has_own_event_id and hashed((select salt from salt), content_of(s)) is distinct from x.content_hash as differs,
    null::varchar as listing
from removed_events x
    join firsts f on f.event_key = x.event_key and f.first_row_id = x.row_id
    join staged_presence s on s.event_key = x.event_key
where s.row_id > $last_row_judged and s.kept and s.unlisted is null
