-- Tells of every row when it was last pulled. Reads analytics.locations.
-- For an answer that is the same as the one before.
update analytics.locations set pulled_at = $pulled_at
