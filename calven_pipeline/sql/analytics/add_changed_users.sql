-- One more row per row that analysts saw of a user whose address or spelling is another one now. Reads users, analytics.users,
-- known_users, validated_presence. Before users are replaced: every row of a person shows the address of today.
insert into changed_rows
with renamed as (
    select lower(u.user_id) as id
    from users u
        left join analytics.users a on lower(a.user_id) = lower(as_key(u.user_id))
    where as_key(u.user_id) is distinct from a.user_id or if_named(u.email) is distinct from a.email
),
theirs as (select user_key from known_users where lower(user_id) in (from renamed))
select row_id
from validated_presence
where user_key in (from theirs) and row_id <= $last_row_id and row_id not in (from changed_rows)
