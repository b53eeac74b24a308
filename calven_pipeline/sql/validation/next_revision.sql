-- One row: the next revision number. Reads the sequence.
-- Numbers may be skipped, never used twice.
select nextval('revision')::integer
