-- One row per time that Calven was asked what it has: up to which revision of the answers, and what the comparison found.
-- Reads nothing.
create table if not exists reconciliations (
    revision integer not null, answers_revision integer not null, calls integer not null, row_count bigint not null,
    expected bigint not null, confirmed bigint not null, reconciled_at timestamp not null
);
