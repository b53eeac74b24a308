-- At most one row: Calven's clock minus ours in seconds. Reads server_clock.
-- Without a row, Calven never told.
select skew_s from server_clock
