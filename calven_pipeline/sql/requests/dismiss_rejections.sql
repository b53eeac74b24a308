-- Closes the chosen rejections that are open, for good. Reads chosen_rows.
-- They stay in `rejections`, with the note.
update rejections
set
    status = 'resolved', resolution = 'dismissed', note = $note, resolved_at = now() at time zone 'UTC',
    revision = $revision
where status = 'open' and row_id in (select row_id from chosen_rows)
