-- Removes rows of days before $before, which retention would remove again. Reads nothing else.
-- A row that names no day is of the last day asked for.
delete from reported where coalesce(reported_on, last_day) < $before::date
