-- One row per open rejection that new reference data or mappings could cure. Reads rejections.
-- Calven's own refusals, times and reused event ids are beyond such a cure.
create or replace temp table rows_to_recheck as
select row_id
from rejections
where
    $inputs_changed
    and status = 'open'
    and stage = 'validate'
    and not list_has_any(
        reasons, ['missing_timestamp', 'invalid_timestamp', 'future_timestamp', 'conflicting_event_id']
    )
