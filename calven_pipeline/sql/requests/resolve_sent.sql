-- Rejections of events that Calven accepted once, refused when they were sent again, and that are sent once more.
-- Reads chosen_rows. They are reopened where Calven refuses them again.
update rejections
set
    status = 'resolved', resolution = 'passed', resolved_at = now() at time zone 'UTC', sent_again = sent_again + 1,
    revision = $revision
where status = 'open' and row_id in (select row_id from chosen_rows where plan = 'send')
