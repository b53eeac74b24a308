-- One row: whether anybody was ever forgotten. Reads forgotten.
-- Otherwise no word of what Calven reports needs to be looked at.
select exists (from forgotten)
