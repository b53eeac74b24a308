-- One row per set of outcomes that one source's profile has judged. Reads judged_outcomes(unlisted, listing).
-- See unlisted_outcomes.
insert into unlisted_outcomes by name
select
    $source as source, j.unlisted, j.listing,
    (select json_extract_string(rules, '$.outcomes') from sources where source = $source) as outcomes_sha256
from judged_outcomes j
