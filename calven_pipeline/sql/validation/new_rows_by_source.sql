-- One row per source with new rows: the first and the last of them. Reads export_files.
-- One staging reads source after source, so the rows of a source lie together.
select source, min(first_row_id), max(first_row_id + row_count - 1)
from export_files
where first_row_id > $last_row_judged and row_count > 0
group by source
order by source
