-- One row per location. Reads locations.
-- Replaced as a whole where another answer was pulled. What it is called stays where names of people do not.
insert into analytics.locations by name select * replace (coalesce(if_named(extra), place_names(extra)) as extra) from locations
