-- Says that something was removed whose bytes still lie in the file. Reads nothing.
-- In the transaction that removes it.
insert into compaction_due values (now() at time zone 'UTC')
