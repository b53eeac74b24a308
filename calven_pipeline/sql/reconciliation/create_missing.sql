-- One row per local day and person that Calven does not report, and day they may stand under. Reads nothing.
-- Filled range by range.
create or replace temp table missing as from expected limit 0
