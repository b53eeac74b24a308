-- One row per judged row of a range that is to be removed. Reads rows_to_remove, validated_presence.
-- A row that was not judged yet stays.
create or replace temp table removing as
select row_id
from validated_presence
where row_id between $first_row_id and $last_row_id and row_id in (from rows_to_remove)
