-- One row: how many rows of Presence Details are kept. Reads calven_presence.
-- For the metadata of a run.
select count(*) from calven_presence
