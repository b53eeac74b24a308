-- Removes one source's people. Reads people.
-- The table is written anew right after.
delete from people where source = $source
