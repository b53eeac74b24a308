-- One row per local day from $first_day to $last_day and person expected: whether Calven reports the person under any of its days. Reads
-- expected, reported, known_users. Ids compare without case, addresses with case; either is enough.
create or replace temp table compared as
with candidates as (from expected where local_date between $first_day and $last_day),
reports as (
    select reported_on as day, lower(user_id) as user_id, user_email
    from reported
    where reported_on between $first_day - 1 and $last_day + 1
),
seen as (
    select r.day, u.user_key from reports r join known_users u on lower(u.user_id) = r.user_id
    union
    select r.day, u.user_key from reports r join known_users u on u.user_email = r.user_email
)
select c.local_date, c.user_key, max(c.looks) as looks, bool_or(s.user_key is not null) as is_confirmed
from candidates c left join seen s on s.day = c.day and s.user_key = c.user_key
group by c.local_date, c.user_key
