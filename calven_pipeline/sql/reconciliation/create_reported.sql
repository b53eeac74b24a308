-- One row per row that Calven reports, as it came, for all ranges of this run. Reads nothing.
-- Filled range by range.
create or replace temp table reported as from calven_presence limit 0
