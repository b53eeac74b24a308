-- One row: how many offices are left out, since fewer people than the smallest group were seen there. Reads temp seen, office_days.
-- They are not named.
select count(distinct office_key) as offices from seen anti join office_days using (office_key)
