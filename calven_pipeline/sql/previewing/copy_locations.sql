-- One row per location known at the last pull. Reads analysts.locations: the snapshot.
-- By name, so that a snapshot of an earlier version will do.
insert into locations by name from analysts.locations
