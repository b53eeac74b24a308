-- Removes what was known of Calven's clock. Reads server_clock.
-- In the transaction that writes it anew.
delete from server_clock
