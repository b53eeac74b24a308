-- One row: how many locations were pulled, how many objects they came in, and how many of these without an id. Reads pulled.
-- Decides whether the pull may replace the table: ids compare without case.
select count(distinct lower(location_id)), count(*), count(*) - count(location_id) from pulled
