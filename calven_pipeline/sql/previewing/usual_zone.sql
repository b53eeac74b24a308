-- One row: the time zone of most of Calven's locations, null where they name none. Reads analysts.locations: the snapshot.
-- For a profile to start from.
select extra ->> '$.timeZone' as zone from analysts.locations where zone is not null group by zone order by count(*) desc, zone limit 1
