-- One row per user. Reads users.
-- Small: replaced as a whole.
insert into analytics.users by name from users
