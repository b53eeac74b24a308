-- Removes what the last snapshot held. Reads analytics.calven_presence.
-- In the transaction that writes it anew.
delete from analytics.calven_presence
