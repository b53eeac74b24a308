-- Makes the events due again that a killed run left on their way; one try is counted, since Calven may have them.
-- Reads nothing else.
update outbox set call_id = null, attempts = attempts + 1 where call_id is not null
