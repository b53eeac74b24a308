-- One row per path fingerprinted. Reads nothing.
-- Size and time of change stand for the content until one of them differs.
insert into known_paths values ($source, $source_file, $size_bytes, $modified_ns, $sha256)
