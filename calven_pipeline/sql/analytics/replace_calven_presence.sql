-- One row per row of Presence Details. Reads calven_presence.
-- Replaced as a whole whenever Calven was asked.
insert into analytics.calven_presence by name from calven_presence
