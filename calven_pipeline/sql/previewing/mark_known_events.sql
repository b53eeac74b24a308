-- Marks the rows whose events earlier files held: they would be duplicates. Reads read_rows, analysts.presence: the snapshot.
-- Only the days of the file are looked at.
update read_rows set outcome = 'duplicate', reasons = ['earlier_file']
where
    outcome = 'pending'
    and event_id in (
        select event_id
        from analysts.presence
        where local_date between (select min(local_date) from read_rows) and (select max(local_date) from read_rows)
    )
