-- One row: the first and last planned row and how many there are; nulls where nothing is due. Reads planned.
-- Lets the large tables be read only where needed.
select min(row_id), max(row_id), count(*) from planned
