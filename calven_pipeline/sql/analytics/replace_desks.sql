-- One row per desk. Reads desks.
-- Small: replaced as a whole.
insert into analytics.desks by name from desks
