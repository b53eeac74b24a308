-- One row: how many events wait in the outbox. Reads outbox.
-- Those planned for a call count as waiting until Calven has settled them.
select count(*) from outbox
