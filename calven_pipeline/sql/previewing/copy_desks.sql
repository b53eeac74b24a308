-- One row per desk known at the last pull. Reads analysts.desks: the snapshot.
-- By name, so that a snapshot of an earlier version will do.
insert into desks by name from analysts.desks
