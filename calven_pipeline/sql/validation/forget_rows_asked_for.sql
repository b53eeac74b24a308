-- Empties the list of rows that somebody asked to look at again. Reads nothing else.
-- In the transaction that looks at them.
delete from rows_asked_for
