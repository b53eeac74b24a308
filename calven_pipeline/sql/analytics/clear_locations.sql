-- Removes what the last snapshot held. Reads analytics.locations.
-- In the transaction that writes it anew.
delete from analytics.locations
