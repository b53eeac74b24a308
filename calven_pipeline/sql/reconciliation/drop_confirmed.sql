-- Removes whomever Calven reports by now, looked for in this run or not. Reads reported, known_users.
-- As compare.sql does: ids compare without case, addresses with case; either is enough.
delete from unconfirmed_presence as u
using (
    with reports as (
        select reported_on as day, lower(user_id) as user_id, user_email
        from reported
        where reported_on in (select day from unconfirmed_presence)
    ),
    seen as (
        select r.day, k.user_key from reports r join known_users k on lower(k.user_id) = r.user_id
        union
        select r.day, k.user_key from reports r join known_users k on k.user_email = r.user_email
    )
    select distinct w.local_date, w.user_key
    from unconfirmed_presence w join seen s on s.day = w.day and s.user_key = w.user_key
) c
where c.local_date = u.local_date and c.user_key = u.user_key
