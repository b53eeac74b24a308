-- Removes whom Calven never confirmed and who was looked for the last time before $told_since. Reads nothing else.
-- Until then they are told of.
delete from unconfirmed_presence
where looks >= $most_looks and looked_at <= $told_since::timestamptz at time zone 'UTC'
