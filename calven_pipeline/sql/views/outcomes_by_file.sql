-- One row per export file read: what became of its rows. Reads export_files, presence.
-- A file that changed and was read again stands there once for each reading.
with counted as (
    select
        row_id - "row_number" + 1 as first_row_id, count(*) as row_count,
        count(*) filter (where outcome = 'accepted') as accepted,
        count(*) filter (where outcome = 'rejected') as rejected,
        count(*) filter (where outcome = 'pending') as pending,
        count(*) filter (where outcome = 'duplicate') as duplicate,
        count(*) filter (where outcome = 'ignored') as ignored
    from presence
    group by all
)
select
    f.source, f.source_file, f.staged_at, f.row_count as rows_read,
    coalesce(c.accepted, 0) as accepted, coalesce(c.rejected, 0) as rejected, coalesce(c.pending, 0) as pending,
    coalesce(c.duplicate, 0) as duplicate, coalesce(c.ignored, 0) as ignored,
    f.row_count - coalesce(c.row_count, 0) as rows_gone
from export_files f
    left join counted c on c.first_row_id = f.first_row_id and f.row_count > 0
