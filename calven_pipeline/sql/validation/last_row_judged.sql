-- One row: the newest row that has a verdict. Reads validated_presence.
-- Rows are judged in the order of their numbers.
select coalesce(max(row_id), 0) from validated_presence
