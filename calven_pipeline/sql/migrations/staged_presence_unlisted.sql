-- A column that a working database of version 0.1.0's first weeks lacks. Reads nothing.
-- Does nothing where it is there.
alter table staged_presence add column if not exists unlisted varchar
