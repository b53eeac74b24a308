-- Removes the rows that analysts saw before and that changed. Reads final_rows.
-- Only the row that stands for its event ever changes: not a duplicate, nor a row that reused its event id.
delete from analytics.presence as p
using final_rows as f
where
    f.row_id <= $last_row_id
    and p.event_id = f.event_id
    and p.source = f.source
    and p.source_file = f.source_file
    and p.row_number = f.row_number
    and p.outcome not in ('duplicate', 'ignored')
    and not list_contains(coalesce(p.reasons, []), 'conflicting_event_id')
