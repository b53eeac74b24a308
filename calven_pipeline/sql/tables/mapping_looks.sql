-- At most one row: up to which revision rejections were looked through for badges and doors that stood for somebody before.
-- Reads nothing.
create table if not exists mapping_looks (revision integer not null);
