-- One row: how many of the valid rows are events that earlier files held. Reads read_rows, analysts.presence: the snapshot.
-- Only the days of the file are looked at.
select count(*)
from read_rows
where
    outcome = 'pending'
    and event_id in (
        select event_id
        from analysts.presence
        where local_date between (select min(local_date) from read_rows) and (select max(local_date) from read_rows)
    )
