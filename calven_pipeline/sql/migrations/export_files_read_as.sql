-- A column that a working database of version 0.1.0's first weeks lacks. Reads nothing.
-- Does nothing where it is there.
alter table export_files add column if not exists read_as varchar
