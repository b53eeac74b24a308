-- One row per request that was carried out. Reads requests.
-- In the transaction that carries it out.
insert into requests
select
    coalesce(max(request_id), 0) + 1, $kind, $run_id, now() at time zone 'UTC', $source, $source_file, $first_date::date,
    $last_date::date, $reasons, $outcomes, $note, $row_count
from requests
