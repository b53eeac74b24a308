-- One row per user known at the last pull. Reads analysts.users: the snapshot.
-- By name, so that a snapshot of an earlier version will do.
insert into users by name from analysts.users
