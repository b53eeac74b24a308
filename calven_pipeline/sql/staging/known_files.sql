-- One row per path that was fingerprinted: its state then, and its content. Reads known_paths.
-- For one source.
select p.source_file, p.size_bytes, p.modified_ns, p.sha256
from known_paths p
where p.source = $source
