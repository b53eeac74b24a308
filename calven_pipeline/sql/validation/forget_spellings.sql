-- No spelling yet: one row per source, our column and value (small letters) that today's steps of its profile write another way
-- than those of its reading. Reads nothing.
-- Values read with today's steps stay what they are, so there are none but after a change.
create or replace temp table spellings (source varchar, ours varchar, staged varchar, spelling varchar)
