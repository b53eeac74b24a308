-- One row: how many badges and doors have no open rejection to their name. Reads closed_mappings.
-- Mostly none, and then no row is looked for.
select count(*) from closed_mappings
