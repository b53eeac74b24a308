-- One row per row of an answer, as it came. Reads the JSON array in the file $path.
-- Its fields are not published.
create or replace temp table answered as
select json as details from read_json_objects($path, format = 'array', maximum_object_size = 67108864)
