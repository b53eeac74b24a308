-- One row: up to which revision refusals were looked through for events that covered others. Reads nothing.
-- See find_uncovered.
insert into collapses values ($answers_revision)
