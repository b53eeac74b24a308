-- Removes what the last snapshot held. Reads analytics.desks.
-- In the transaction that writes it anew.
delete from analytics.desks
