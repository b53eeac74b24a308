-- One row: whether anything at all is held about the person. Reads person, person_rows, users, known_users, people, calven_presence.
-- What stands for several people says nothing about this one.
select
    exists (from person_rows where is_theirs)
    or exists (from users where lower(user_id) in (select value from person where kind = 'id'))
    or exists (from known_users where lower(user_id) in (select value from person where kind = 'id'))
    or exists (
        from people
        where
            lower(user_id) in (select value from person where kind = 'id')
            or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
            or (source, source_user_key) in (select (source, value) from person where kind = 'badge' and is_theirs)
    )
    or exists (
        from calven_presence
        where
            lower(user_id) in (select value from person where kind = 'id')
            or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
            or coalesce(regexp_matches(details::varchar, $mention, 'i'), false)
    )
