-- Makes the other events of the calls that have ended due again. Reads noted.
-- A call that is being sent in parts has not ended. The tries are counted.
update outbox
set call_id = null, last_call_id = outbox.call_id, tried_in = $revision, attempts = outbox.attempts + n.attempts
from (
    select call_id, max(attempts + sent_before)::integer as attempts from noted group by call_id having bool_or(is_last)
) n
where n.call_id = outbox.call_id
