-- Removes what came earlier for the days that were asked for again. Reads asked.
-- A row that stands for several days goes with all of them: they were asked for together.
delete from calven_presence
where
    last_day >= (select min(first_day) from asked)
    and first_day <= (select max(last_day) from asked)
    and exists (
        select 1 from asked a where a.first_day <= calven_presence.last_day and a.last_day >= calven_presence.first_day
    )
