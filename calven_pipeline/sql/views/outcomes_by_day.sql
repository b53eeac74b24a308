-- One row per source and local day: what became of its rows. Reads presence.
-- Rows whose time could not be read stand in a row without a day, so that the numbers add up to all rows.
select
    local_date, source, count(*) as row_count,
    count(*) filter (where outcome = 'accepted') as accepted,
    count(*) filter (where outcome = 'rejected') as rejected,
    count(*) filter (where outcome = 'pending') as pending,
    count(*) filter (where outcome = 'duplicate') as duplicate,
    count(*) filter (where outcome = 'ignored') as ignored
from presence
group by local_date, source
