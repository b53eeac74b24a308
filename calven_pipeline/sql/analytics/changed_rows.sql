-- One row per row that analysts saw and whose outcome may differ now. Reads validated_presence, answers, outbox.
-- Rows after the last one they saw are new, and need no list.
create or replace temp table changed_rows as
select distinct row_id
from (
    select row_id from validated_presence where revision > $synced and row_id <= $last_row_id
    union all
    select row_id from answers where revision > $synced and row_id <= $last_row_id
    union all
    select row_id from outbox where tried_in > $synced and row_id <= $last_row_id
)
