-- Removes what was known of one path. Reads known_paths.
-- The path is fingerprinted anew right after.
delete from known_paths where source = $source and source_file = $source_file
