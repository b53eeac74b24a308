-- Makes the events of calls that were never sent due again. Reads nothing else.
-- At the end of a run that stopped early, after `recover_in_flight`: what is still marked then was planned only.
update outbox set call_id = null where call_id is not null
