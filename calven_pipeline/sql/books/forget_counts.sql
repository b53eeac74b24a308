-- Removes the counts of the touched files. Reads counted_files.
-- In the transaction that writes them anew.
delete from file_outcomes where file_id in (select file_id from counted_files)
