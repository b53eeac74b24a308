-- One row per outcome: how many rows. Reads read_rows.
-- `collapsed` rows are ignored ones with a reason; `earlier_file` ones are events that earlier files held.
select outcome, count(*), count(*) filter (reasons[1] = 'collapsed'), count(*) filter (reasons[1] = 'earlier_file')
from read_rows group by outcome
