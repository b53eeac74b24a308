-- One row per source whose people table names the person. Reads people, person.
-- The working copy of it; the file itself is the operator's.
select distinct p.source
from people p
where
    lower(p.user_id) in (select value from person where kind = 'id')
    or lower(p.user_email) in (select value from person where kind = 'address' and is_theirs)
    or (p.source, p.source_user_key) in (select (source, value) from person where kind = 'badge' and is_theirs)
order by p.source
