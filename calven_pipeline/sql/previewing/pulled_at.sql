-- One row: when users were pulled last, null where never. Reads analysts.users: the snapshot.
-- So that the screen can say how old its knowledge is.
select max(pulled_at) from analysts.users
