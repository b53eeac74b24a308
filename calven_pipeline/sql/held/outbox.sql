-- One JSON array: the person's events that wait to be sent. Reads outbox, person_rows.
-- With their tries.
select coalesce(to_json(list(t order by t.row_id)), '[]')::varchar
from (select row_id, attempts from outbox where row_id in (select row_id from person_rows where is_theirs)) t
