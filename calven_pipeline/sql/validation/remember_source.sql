-- One row per source: what validation must know of its profile. Reads nothing.
-- Kept when the profile goes, so that open rejections can still be looked at.
insert into sources values ($source, $source_id, $has_people, $has_places, $corrects_email_case, $mappings_sha256)
