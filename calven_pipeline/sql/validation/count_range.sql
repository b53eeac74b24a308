-- One row: how many of a range of rows are presence, rejected, and ignored. Reads validated_presence.
-- A profile that does not fit its files leaves no presence at all.
select
    count(*) filter (verdict in ('valid', 'duplicate') or reasons = ['collapsed']),
    count(*) filter (verdict = 'rejected'),
    count(*) filter (verdict = 'ignored')
from validated_presence
where row_id between $first_row_id and $last_row_id
