-- Tells of every row when it was last pulled. Reads analytics.users.
-- For an answer that is the same as the one before.
update analytics.users set pulled_at = $pulled_at
