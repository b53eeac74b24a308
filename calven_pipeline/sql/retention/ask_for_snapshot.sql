-- Says that something was removed that the analysts' files may still hold. Reads nothing.
-- In the transaction that removes it.
insert into snapshot_due values (now() at time zone 'UTC')
