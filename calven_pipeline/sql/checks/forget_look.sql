-- Removes up to which revision rejections were looked through. Reads mapping_looks.
-- In the transaction that writes it anew.
delete from mapping_looks
