-- One row: how many desks were pulled, how many of them without an id, and how many there were before. Reads pulled, desks.
-- Decides whether the pull may replace the table.
select count(*), count(*) - count(desk_id), (select count(*) from desks) from pulled
