-- One row per source: what validation must know of its profile. Reads nothing.
-- Kept when the profile goes, so that open rejections can still be looked at.
insert into sources by name
select
    $source as source, $source_id as source_id, $has_people as has_people, $has_places as has_places,
    $corrects_email_case as corrects_email_case, $mappings_sha256 as mappings_sha256, $rules as rules
