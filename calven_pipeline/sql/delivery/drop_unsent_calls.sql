-- Removes the calls that were planned and never ended. Reads nothing else.
-- Their events are due again.
delete from calls where answered_at is null and problem is null
