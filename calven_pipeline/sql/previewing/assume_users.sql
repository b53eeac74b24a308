-- One row per user that rows or the people table name, where nobody was pulled yet. Reads staged_presence, named_people.
-- Whom they name is then known, so that all else can be judged.
insert into users (user_id, email, pulled_at)
with named as (
    select user_id, user_email from staged_presence
    union all
    select user_id, user_email from named_people
),
keyed as (
    select coalesce(user_id, 'assumed ' || md5(user_email)) as id, user_email
    from named
    where coalesce(user_id, user_email) is not null
)
select any_value(id), any_value(user_email), now()::timestamp from keyed group by lower(id)
