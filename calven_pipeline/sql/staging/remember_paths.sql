-- One row per content fingerprinted. Reads nothing.
-- Size and time of change are those of the file in the drop folder; they stand for the content until one of them differs.
insert into known_paths (source, source_file, container, size_bytes, modified_ns, sha256)
select
    $source, unnest($source_files::varchar[]), unnest($containers::varchar[]), unnest($sizes::bigint[]),
    unnest($times::bigint[]), unnest($sha256s::varchar[])
