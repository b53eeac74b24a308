-- One row per content that was fingerprinted: the file in the drop folder that holds it, that file's state then, and the
-- content's own name and SHA-256, which is empty where it could not be read. Reads known_paths. For one source.
select coalesce(p.container, p.source_file), p.size_bytes, p.modified_ns, p.source_file, p.sha256
from known_paths p
where p.source = $source
