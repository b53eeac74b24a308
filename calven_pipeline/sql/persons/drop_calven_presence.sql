-- Removes what Calven reported of the person. Reads person.
-- Recognised by id or address, or named anywhere in the row.
delete from calven_presence
where
    lower(user_id) in (select value from person where kind = 'id')
    or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
    or coalesce(regexp_matches(details::varchar, $mention, 'i'), false)
