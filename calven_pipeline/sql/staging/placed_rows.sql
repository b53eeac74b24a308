-- One row per row of a bundle, as its file would give it, but for the numbers. Reads bundle_rows: many files opened as one,
-- bundle_places: where each row belongs, in the same order.
select r.* exclude (row_number, file_number), p.row_number, p.file_number
from bundle_rows r positional join bundle_places p
