-- One row: how many people-days are looked for again. Reads unconfirmed_presence.
-- Those that were looked for often enough are not.
select count(distinct (local_date, user_key)) from unconfirmed_presence
