-- One row per block of about a million row numbers with judged rows to remove: the first and the last of them. Reads
-- rows_to_remove, validated_presence. Rows are removed block by block, so that memory does not follow their number.
select min(row_id), max(row_id)
from validated_presence
where row_id in (from rows_to_remove)
group by row_id // 1048576
order by 1
