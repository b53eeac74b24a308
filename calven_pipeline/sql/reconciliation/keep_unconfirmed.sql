-- One row per local day and person that Calven does not report and that is looked for again. Reads missing.
-- $most_looks times in all.
insert into unconfirmed_presence by name
select local_date, user_key, day, looks + 1 as looks, $now::timestamptz at time zone 'UTC' as looked_at
from missing
where looks + 1 < $most_looks
