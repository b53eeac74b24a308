-- Removes what the last snapshot held. Reads analytics.requests.
-- In the transaction that writes it anew.
delete from analytics.requests
