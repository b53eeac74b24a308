-- One row, once. Reads nothing.
-- The first call decides.
insert into home values ($is_sandbox, now() at time zone 'UTC')
