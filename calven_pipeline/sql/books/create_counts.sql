-- Holds one row per file counted. Reads nothing.
-- Filled range by range, so that the cost follows the files that were touched and memory none of it.
create or replace temp table counted_files (
    file_id integer, row_count bigint, accepted bigint, rejected bigint, pending bigint, duplicate bigint, ignored bigint
)
