-- A column that a working database of version 0.1.0's first days lacks. Reads nothing.
-- Does nothing where it is there.
alter table places add column if not exists position bigint
