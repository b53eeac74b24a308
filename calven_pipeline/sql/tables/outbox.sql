-- One row per valid event that Calven has not settled. `call_id` is null while due; else the call that carries it.
-- `tried_in` is the revision in which its last call failed: an event is tried in one call per run, with its retries.
create table if not exists outbox (row_id bigint not null, attempts integer not null, call_id integer, tried_in integer);
