-- One row per presence call, written before it is first sent. Times are UTC; `attempts` counts its tries.
-- Reads nothing.
create table if not exists calls (
    call_id integer not null,
    revision integer not null,
    source_id varchar not null,
    events integer not null,
    planned_at timestamp not null,
    sent_at timestamp,
    answered_at timestamp,
    attempts integer,
    status integer,
    correlation_id varchar,
    problem varchar
);
