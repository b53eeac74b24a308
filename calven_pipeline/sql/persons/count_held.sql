-- One row: how many rows of the person there are, not judged yet, malformed, and with somebody else in them; and how many more stay
-- because what they carry stands for several people. Reads person_rows.
select
    count(*) filter (is_theirs),
    count(*) filter (is_theirs and not is_judged),
    count(*) filter (is_theirs and is_malformed),
    count(*) filter (is_theirs and names_others),
    count(*) filter (not is_theirs)
from person_rows
