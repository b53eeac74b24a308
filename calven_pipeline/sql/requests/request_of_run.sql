-- One row where a launch has already been carried out: how many rows it changed. Reads requests.
-- A re-execution does not choose again.
select row_count from requests where kind = $kind and run_id = $run_id
