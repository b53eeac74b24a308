-- Removes what was known of files in the drop folder, and of what they hold. Reads known_paths.
-- They are fingerprinted anew right after.
delete from known_paths
where source = $source and coalesce(container, source_file) in (select unnest($files::varchar[]))
