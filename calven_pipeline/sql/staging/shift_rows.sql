-- Makes room for malformed rows: the rows of a file from $from_row_id on move by $shift. Reads staged_presence.
-- The reader leaves malformed lines out, so the rows behind them were numbered too low.
update staged_presence set row_id = row_id + $shift where file_id = $file_id and row_id >= $from_row_id
