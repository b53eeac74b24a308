-- One row per outcome of the rows of a range that are being removed: how many. Reads removing, removed_rows.
-- For the metadata of a run.
select outcome, count(*)
from removed_rows
where row_id between $first_row_id and $last_row_id and row_id in (from removing)
group by outcome
order by outcome
