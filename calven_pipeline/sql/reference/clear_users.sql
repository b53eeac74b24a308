-- Removes the users of the last pull. Reads users.
-- In the transaction that writes the new ones.
delete from users
