-- One row: whether files that were opened again have as many rows as when they were staged. Reads raw_texts,
-- rows_without_raw: the last number and the one after it were asked for.
select max(row_number) is not distinct from (select min(row_number) from rows_without_raw where row_id is null)
from raw_texts
