-- One row: a pattern for a mention of the person within a text (addresses, ids that are no mere numbers, a full name that nobody
-- else bears), and one for a field of a broken line that is their badge or id; null where there is nothing to look for.
-- Reads person, users.
with names as (
    select lower(trim(first_name)) as first, lower(trim(last_name)) as last, lower(user_id) in (select value from person where kind = 'id') as is_theirs
    from users
    where length(trim(first_name)) > 0 and length(trim(last_name)) > 0
),
own_names as (select first, last from names group by first, last having bool_and(is_theirs)),
mentions as (
    select regexp_escape(value) as mention
    from person
    where is_theirs and (kind = 'address' or (kind = 'id' and length(value) >= 6 and not regexp_full_match(value, '[0-9]+')))
    union all
    select concat(regexp_escape(first), '\s+', regexp_escape(last)) from own_names
    union all
    select concat(regexp_escape(last), ',?\s+', regexp_escape(first)) from own_names
),
fields as (
    select if(regexp_full_match(value, '[0-9]+'), concat('(?:[0-9]+[:-])?0*', value), regexp_escape(value)) as field
    from person
    where is_theirs and kind in ('badge', 'id')
)
select
    (select concat('(^|[^a-z0-9._%+-])(?:', string_agg(mention, '|'), ')($|\.?(?:$|[^a-z0-9._-]))') from mentions having count(*) > 0),
    (select concat('(?:^|[,;|\t"''^(\[]|":)\s*(?:', string_agg(field, '|'), ')\s*(?:$|[,;|\t"''^)\]}])') from fields having count(*) > 0)
