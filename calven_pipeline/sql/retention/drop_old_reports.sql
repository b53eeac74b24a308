-- Removes what Calven reported for days before $before. Reads nothing else.
-- A row that names no day is of the last day asked for.
delete from calven_presence where coalesce(reported_on, last_day) < $before::date
