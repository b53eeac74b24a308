-- Removes the desks of the last pull. Reads desks.
-- In the transaction that writes the new ones.
delete from desks
