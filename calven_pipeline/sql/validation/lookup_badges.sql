-- One row per source and badge or employee number (small letters): whom the people table says it means. Reads people, spellings.
-- A badge that only today's steps write as a key does stands for that key.
create or replace temp view badges as
select source, source_user_key as badge, user_id, user_email from people
union all
select n.source, n.staged, p.user_id, p.user_email
from spellings n join people p on p.source = n.source and p.source_user_key = n.spelling
where n.ours = 'source_user_id' and (n.source, n.staged) not in (select (source, source_user_key) from people)
