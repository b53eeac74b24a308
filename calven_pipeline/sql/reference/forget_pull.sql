-- Removes what was known of the last pull of one resource. Reads reference_pulls.
-- In the transaction that writes the new one.
delete from reference_pulls where resource = $resource
