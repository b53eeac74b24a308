-- One row per block of row numbers with changed or new rows: the first and the last of them. Reads changed_rows, validated_presence.
-- Rows are taken in block by block, so that memory does not follow their number.
with wanted as (
    select row_id from changed_rows
    union all
    select row_id from validated_presence where row_id > $last_row_id
)
select min(row_id), max(row_id) from wanted group by row_id // $a_block order by 1
