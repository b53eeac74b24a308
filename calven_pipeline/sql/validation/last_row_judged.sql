-- One row: the newest row that has a verdict, or had one until it was removed. Reads validated_presence, removed_rows.
-- Rows are judged in the order of their numbers.
select greatest(
    (select coalesce(max(row_id), 0) from validated_presence), (select coalesce(max(row_id), 0) from removed_rows)
)
