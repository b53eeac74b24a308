-- One row per content that was fingerprinted: the file in the drop folder that holds it, that file's state then, and the
-- content. Reads known_paths. For one source.
select coalesce(p.container, p.source_file), p.size_bytes, p.modified_ns, p.sha256
from known_paths p
where p.source = $source
