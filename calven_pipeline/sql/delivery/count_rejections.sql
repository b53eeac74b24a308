-- One row: how many rows were ever rejected, open or resolved. Reads rejections.
-- Without those that were removed.
select count(*) from rejections
