-- One row per event that is to be sent. Due: `call_id` and `last_call_id` are null. In flight: `call_id` is the call that
-- carries it. Waiting for its next try: `last_call_id` is the call that failed, in the revision `tried_in`; an event is tried
-- in one call per run, with that call's retries. An event that is settled leaves for `answers`: accepted or rejected.
create table if not exists outbox (
    row_id bigint not null, attempts integer not null, call_id integer, tried_in integer, last_call_id integer
);
