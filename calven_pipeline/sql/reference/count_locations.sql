-- One row: how many locations were pulled, how many of them without an id, and how many there were before. Reads pulled, locations.
-- Decides whether the pull may replace the table.
select count(*), count(*) - count(location_id), (select count(*) from locations) from pulled
