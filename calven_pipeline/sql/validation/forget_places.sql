-- Removes one source's places. Reads places.
-- The table is written anew right after.
delete from places where source = $source
