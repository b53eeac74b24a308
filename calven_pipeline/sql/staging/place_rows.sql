-- One row per row of a bundle, in its order: the file that it is of, and the number that it gets.
-- Reads nothing: each file brings its number, the number of its first row, and how many rows it has.
create or replace temp table bundle_places as
with files as (
    select
        unnest($file_numbers::integer[]) as file_number,
        unnest($first_rows::bigint[]) as first_row,
        unnest($row_counts::bigint[]) as row_count
)
select file_number, first_row + unnest(range(row_count)) as row_number from files
