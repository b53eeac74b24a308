-- At most one row, where a source ever collapsed its events: up to which revision Calven's refusals were looked through for events
-- that covered others.
create table if not exists collapses (answers_revision integer not null);
