-- Nothing is left to forget. Reads nothing else.
-- After their rows were removed.
delete from rows_to_forget
