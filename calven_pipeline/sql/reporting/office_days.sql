-- One row per local day of the period and office that is shown, null where its count is hidden. Reads temp office_days.
-- In the order of days.
select office_key, local_date, people from office_days order by local_date, office_key
