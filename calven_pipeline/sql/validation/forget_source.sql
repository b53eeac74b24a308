-- Removes what was known of one source's profile. Reads sources.
-- The profile is written anew right after.
delete from sources where source = $source
