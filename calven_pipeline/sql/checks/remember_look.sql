-- One row: up to which revision rejections were looked through. Reads nothing.
-- In the transaction that keeps what was found.
insert into mapping_looks values ($revision)
