-- One row: how many users were pulled, how many of them without an id, and how many there were before. Reads pulled, users.
-- Decides whether the pull may replace the table.
select count(*), count(*) - count(user_id), (select count(*) from users) from pulled
