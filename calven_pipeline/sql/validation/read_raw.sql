-- The original text of rejected rows. Reads raw_rows(row_number, raw): files opened again as one.
-- Held apart first: what DuckDB says of an export is for its reader to judge.
create or replace temp table raw_texts as select row_number, raw from raw_rows
