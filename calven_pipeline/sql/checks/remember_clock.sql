-- One row: Calven's clock minus ours in seconds. Reads nothing.
-- As its last answer told.
insert into server_clock values ($skew_s, now() at time zone 'UTC')
