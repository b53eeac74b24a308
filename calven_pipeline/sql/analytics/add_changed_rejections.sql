-- One row per rejection that is new or changed. Reads rejections, staged_presence, export_files.
-- The row it stands for in `presence` has the same `row_id`.
insert into analytics.rejections by name
with changed as (select * from rejections where revision > $synced)
select
    event_key_of(s.event_id, s.event_key, s.has_own_event_id) as event_id,
    f.source, f.source_file, r.row_id - f.first_row_id + 1 as row_number,
    r.stage, r.reason, r.reasons, if_named(r.detail) as detail, if_named(r.suggestion) as suggestion, if_named(r.raw) as raw, r.status,
    r.first_rejected_at, r.last_checked_at, r.resolved_at, r.resolution, if_named(r.note) as note, r.sent_again, r.correlation_id,
    r.row_id
from changed r
    join staged_presence s on s.row_id = r.row_id
    join export_files f on f.file_id = s.file_id
where s.row_id between (select min(row_id) from changed) and (select max(row_id) from changed)
order by r.row_id
