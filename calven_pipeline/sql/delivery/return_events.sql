-- Makes the other events of the calls that ended due again. Reads noted.
-- Their tries are counted.
update outbox
set call_id = null, tried_in = $revision, attempts = outbox.attempts + n.attempts
from (select call_id, sum(attempts)::integer as attempts from noted group by call_id) n
where n.call_id = outbox.call_id
