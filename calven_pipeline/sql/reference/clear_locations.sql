-- Removes the locations of the last pull. Reads locations.
-- In the transaction that writes the new ones.
delete from locations
