-- One row per row that Calven reports. Reads reported.
-- In the transaction that removed what came earlier.
insert into calven_presence by name from reported
