-- One row: whether a source collapses its events, and up to which revision refusals were looked through for events that covered
-- others (null where nothing was ever collapsed). Reads sources, collapses.
select
    coalesce(bool_or(json_extract_string(rules, '$.collapse') = 'daily'), false),
    (select answers_revision from collapses)
from sources
