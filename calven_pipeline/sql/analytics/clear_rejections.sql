-- Removes what the last snapshot held. Reads analytics.rejections.
-- In the transaction that writes it anew.
delete from analytics.rejections
