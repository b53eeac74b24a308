-- One row: whether names and addresses were left in. Reads analysts.snapshot: the snapshot.
-- Without them nobody can be checked.
select people = 'named' from analysts.snapshot
