-- Tells of every row when it was last pulled. Reads analytics.desks.
-- For an answer that is the same as the one before.
update analytics.desks set pulled_at = $pulled_at
