-- One row per source: the fingerprint of its people and places as last read. Reads sources.
-- A mapping that did not change is not read again.
select source, mappings_sha256 from sources
