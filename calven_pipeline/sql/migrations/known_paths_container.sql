-- A column that a working database of version 0.1.0's first days lacks. Reads nothing.
-- Does nothing where it is there.
alter table known_paths add column if not exists container varchar
