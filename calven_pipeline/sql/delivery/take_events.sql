-- Marks the planned events as on their way. Reads planned.
-- A killed run leaves the mark; the next run takes it away and sends the event again, with the same id.
update outbox set call_id = p.call_id from planned p where p.row_id = outbox.row_id
