-- One row: how many desks were pulled, how many objects they came in, and how many of these without an id. Reads pulled.
-- Decides whether the pull may replace the table: ids compare without case.
select count(distinct lower(desk_id)), count(*), count(*) - count(desk_id) from pulled
