-- One row per location. Reads locations.
-- Replaced as a whole where another answer was pulled.
insert into analytics.locations by name select * replace (if_named(extra) as extra) from locations
