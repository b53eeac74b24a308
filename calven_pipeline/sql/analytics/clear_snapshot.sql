-- Removes what the last snapshot said of itself. Reads analytics.snapshot.
-- In the transaction that says it anew.
delete from analytics.snapshot
