-- One row per local day and person that Calven does not report, and day they may stand under. Reads missing.
-- Also those that were looked for often enough: they are told of, and looked for no more.
insert into unconfirmed_presence by name
select local_date, user_key, day, looks + 1 as looks, $now::timestamptz at time zone 'UTC' as looked_at
from missing
