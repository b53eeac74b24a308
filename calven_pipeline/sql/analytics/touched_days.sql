-- One row per local day in which the accepted rows may differ. Reads changed_rows, staged_presence.
-- Those days are counted again.
create or replace temp table touched_days as
select distinct local_date
from staged_presence
where
    row_id between (select min(row_id) from changed_rows) and (select max(row_id) from changed_rows)
    and row_id in (from changed_rows)
    and local_date is not null
