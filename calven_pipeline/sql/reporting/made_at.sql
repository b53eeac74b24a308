-- One row: when everything in the snapshot was true (UTC), and the last local day on which anybody was seen. Reads snapshot, daily_presence.
-- Without anybody, that is the day of the snapshot.
select as_of, coalesce((select max(local_date) from daily_presence), as_of::date) as last_date from snapshot
