-- Removes the person from the working copy of every people table. Reads person.
-- By id, address or badge.
delete from people
where
    lower(user_id) in (select value from person where kind = 'id')
    or lower(user_email) in (select value from person where kind = 'address' and is_theirs)
    or (source, source_user_key) in (select (source, value) from person where kind = 'badge' and is_theirs)
