-- One row per replay, dismissal or erasure that somebody asked for. `run_id` is the first run of that launch, so that a re-execution
-- does not choose again; days are local, both included, and null means any.
create table if not exists requests (
    request_id integer not null,
    kind varchar not null,
    run_id varchar not null,
    requested_at timestamp not null,
    source varchar,
    source_file varchar,
    first_date date,
    last_date date,
    reasons varchar[] not null,
    outcomes varchar[] not null,
    note varchar,
    row_count bigint not null
);
