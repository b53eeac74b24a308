-- One row per event and time that Calven settled it; the newest counts. Append only.
-- `reason` is null where it was accepted; `correlation_id` is the call's, and stands here only where the call was sent in parts.
create table if not exists answers (
    row_id bigint not null,
    call_id integer not null,
    accepted boolean not null,
    reason varchar,
    result_code integer,
    result_message varchar,
    attempts integer not null,
    answered_at timestamp not null,
    revision integer not null,
    correlation_id varchar
);
