-- One row per person, place and local day of removed events that Calven accepted, where a source ever collapsed its events: a hash
-- with the salt, so that a later row of that day is known to stand beside one.
create table if not exists removed_days (day_hash uuid not null, local_date date not null);
