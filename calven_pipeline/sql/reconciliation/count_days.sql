-- One row per local day: how many people were expected, and how many of them Calven reports. Reads compared.
-- Whom Calven reports beyond them is no fault: other systems report presence too.
select local_date, count(*), count(*) filter (is_confirmed) from compared group by local_date order by local_date
