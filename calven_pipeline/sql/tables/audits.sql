-- One row per count of the books that balanced: up to which revision and row, and how many answers there were.
-- The next count starts there.
create table if not exists audits (
    revision integer not null, last_row_id bigint not null, answers bigint not null, audited_at timestamp not null
);
