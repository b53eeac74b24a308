-- One row per row of Presence Details of the spans that were asked for again. Reads calven_presence, asked_again.
-- In the transaction that removed what came for them earlier.
insert into analytics.calven_presence by name
select c.* replace (as_key(c.user_id) as user_id, if_named(c.user_email) as user_email, if_named(c.details) as details)
from calven_presence c semi join asked_again a on a.first_day = c.first_day and a.last_day = c.last_day
