-- One row per export file: how many of its rows were in which outcome when they were last counted.
-- Counted anew whenever one of them changes.
create table if not exists file_outcomes (
    file_id integer not null,
    accepted bigint not null,
    rejected bigint not null,
    pending bigint not null,
    duplicate bigint not null,
    ignored bigint not null
);
