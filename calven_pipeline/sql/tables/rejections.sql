-- One row per rejected row, open or resolved; `resolution` is passed, ignored or dismissed, `sent_again` counts how often the event
-- went to Calven once more after a refusal.
create table if not exists rejections (
    row_id bigint not null,
    stage varchar not null,
    reason varchar not null,
    reasons varchar[] not null,
    detail varchar,
    suggestion varchar,
    raw varchar,
    status varchar not null,
    first_rejected_at timestamp not null,
    last_checked_at timestamp not null,
    resolved_at timestamp,
    revision integer not null,
    resolution varchar,
    note varchar,
    sent_again integer not null default 0,
    correlation_id varchar
);
