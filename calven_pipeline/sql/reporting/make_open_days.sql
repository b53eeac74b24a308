-- One row per local day on which anybody was seen in an office that is shown. Reads temp office_days.
-- A hidden count is somebody, which the page tells of it too.
create or replace temp table open_days as
select distinct local_date from office_days where people is distinct from 0
