-- One row: up to which revision rejections were looked through; 0 before the first look. Reads mapping_looks.
-- See lost_mappings.
select coalesce(max(revision), 0) from mapping_looks
