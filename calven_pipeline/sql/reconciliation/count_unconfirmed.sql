-- One row: how many people-days are looked for again, and how many no more, since $told_since. Reads unconfirmed_presence.
-- After $most_looks looks without being reported, nobody is looked for any more.
select
    count(distinct (local_date, user_key)) filter (looks < $most_looks),
    count(distinct (local_date, user_key)) filter (
        looks >= $most_looks and looked_at > $told_since::timestamptz at time zone 'UTC'
    )
from unconfirmed_presence
