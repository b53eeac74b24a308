-- One row per location. Reads locations.
-- Small: replaced as a whole.
insert into analytics.locations by name from locations
