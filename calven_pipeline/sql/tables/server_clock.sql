-- At most one row: Calven's clock minus ours in seconds, as its last answer to a presence call told.
-- Reads nothing.
create table if not exists server_clock (skew_s double not null, measured_at timestamp not null);
