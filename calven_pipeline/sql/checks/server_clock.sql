-- At most one row: Calven's clock minus ours in seconds, and when it was heard (UTC). Reads server_clock.
-- Without a row, Calven never told.
select skew_s, measured_at from server_clock
