-- Removes rows that name somebody who was forgotten, by id or address anywhere in them, but of days of which there are new rows of
-- theirs. Reads reported, forgotten, salt, known_users, validated_presence, staged_presence.
delete from reported
where rowid in (
    with words as (
        select
            rowid as number, coalesce(reported_on, first_day) as first_day, coalesce(reported_on, last_day) as last_day,
            unnest(list_distinct(
                [lower(trim(user_id)), lower(trim(user_email))]
                || list_transform(
                    regexp_extract_all(lower(details::varchar), '[a-z0-9._%+@-]{6,}'), lambda word: rtrim(word, '.')
                )
            )) as word
        from reported
    ),
    hashes as (
        select word, hashed((select salt from salt), word) as person_hash from (select distinct word from words where word is not null)
    ),
    names as (select word from hashes where person_hash in (from forgotten)),
    named as (from words where word in (from names)),
    keys as (
        select n.word, k.user_key from names n join known_users k on lower(k.user_id) = n.word or lower(k.user_email) = n.word
    ),
    new_days as (
        select distinct k.word, unnest([s.local_date, s.occurred_at::date]) as day
        from keys k
            join validated_presence v on v.user_key = k.user_key
            join staged_presence s on s.row_id = v.row_id
    )
    select n.number
    from named n left join new_days d on d.word = n.word and d.day between n.first_day and n.last_day
    group by n.number
    having count(d.day) = 0
)
