-- One row per event that Calven has settled. Append only.
-- `reason` is null where it was accepted.
create table if not exists answers (
    row_id bigint not null,
    call_id integer not null,
    accepted boolean not null,
    reason varchar,
    result_code integer,
    result_message varchar,
    attempts integer not null,
    answered_at timestamp not null,
    revision integer not null
);
