-- One row: the newest row that has a verdict. Reads validated_presence.
-- Rows without one are not shown yet.
select coalesce(max(row_id), 0) from validated_presence
