-- Removes what the last snapshot held. Reads analytics.users.
-- In the transaction that writes it anew.
delete from analytics.users
