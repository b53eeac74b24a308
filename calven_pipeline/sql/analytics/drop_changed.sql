-- Removes the rows that analysts saw before and that changed. Reads changed_rows.
-- In the transaction that adds them anew.
delete from analytics.presence where row_id in (from changed_rows)
