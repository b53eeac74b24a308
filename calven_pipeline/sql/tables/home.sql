-- At most one row: whether this folder was filled from a sandbox or from Calven.
-- Reads nothing.
create table if not exists home (is_sandbox boolean not null, settled_at timestamp not null);
