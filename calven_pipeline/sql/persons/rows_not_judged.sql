-- One row: how many rows were read and not judged yet, whosever they are. Reads staged_presence,
-- validated_presence, removed_rows.
-- More than none where a run ended in between.
select count(*)
from staged_presence
where row_id > greatest(
    (select coalesce(max(row_id), 0) from validated_presence), (select coalesce(max(row_id), 0) from removed_rows)
)
