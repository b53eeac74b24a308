-- Makes the events of these calls due again and counts one try, since Calven may have them; $calls null: of every call. Reads nothing else.
-- After a kill nobody knows which of the planned calls were sent: a try is counted for all, though at most `concurrency` were.
update outbox set call_id = null, attempts = attempts + 1
where call_id is not null and ($calls::integer[] is null or list_contains($calls::integer[], call_id))
