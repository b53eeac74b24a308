-- Removes what the last snapshot held. Reads analytics.export_files.
-- In the transaction that writes it anew.
delete from analytics.export_files
