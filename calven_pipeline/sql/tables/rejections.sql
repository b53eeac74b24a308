-- One row per rejected row, open or resolved.
-- Reads nothing.
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
    revision integer not null
);
