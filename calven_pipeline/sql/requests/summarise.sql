-- One row per file, outcome, first reason and plan of the chosen rows: how many. Reads chosen_rows.
-- Counts, never people.
select source, source_file, outcome, reasons[1] as reason, plan, count(*) as row_count
from chosen_rows
group by all
order by all
