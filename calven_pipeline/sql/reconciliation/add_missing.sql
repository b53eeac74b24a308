-- One row per local day and person that Calven does not report, and day they may stand under. Reads compared, expected.
-- Of one range of days.
insert into missing by name
select e.*
from expected e
    semi join (select local_date, user_key from compared where not is_confirmed) c
        on c.local_date = e.local_date and c.user_key = e.user_key
