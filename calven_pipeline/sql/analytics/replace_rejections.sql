-- One row per rejected row. Reads rejections, staged_presence, export_files.
-- Replaced as a whole whenever one of them changed.
insert into analytics.rejections by name
select
    coalesce(s.event_id, s.event_key::varchar) as event_id,
    f.source, f.source_file, r.row_id - f.first_row_id + 1 as row_number,
    r.stage, r.reason, r.reasons, r.detail, r.suggestion, r.raw, r.status,
    r.first_rejected_at, r.last_checked_at, r.resolved_at
from rejections r
    join staged_presence s on s.row_id = r.row_id
    join export_files f on f.file_id = s.file_id
order by r.row_id
