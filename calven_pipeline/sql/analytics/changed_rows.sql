-- One row per row whose outcome is new or may differ from what analysts see. Reads validated_presence, answers, outbox.
-- The cost follows what is new, not what has been.
create or replace temp table changed_rows as
select distinct row_id
from (
    select row_id from validated_presence where revision > $synced
    union all
    select row_id from answers where revision > $synced
    union all
    select row_id from outbox where tried_in > $synced
)
