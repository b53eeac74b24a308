-- One row: how many users were pulled, how many objects they came in, and how many of these without an id. Reads pulled.
-- Decides whether the pull may replace the table: ids compare without case.
select count(distinct lower(user_id)), count(*), count(*) - count(user_id) from pulled
