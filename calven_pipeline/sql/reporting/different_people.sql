-- One row: how many different people the counts shown are of, rounded down to whole smallest groups. Reads temp seen, office_days.
-- The exact number, beside that of a day, would tell how few came on the other days only.
select count(distinct s.person) // $smallest_group * $smallest_group as people
from seen s join office_days o using (office_key, local_date)
where o.people > 0
