-- One row: rows read, staged and judged; valid events, those waiting and those answered. Reads all tables of a row's way.
-- Plain counts, so that the cost hardly grows with what has been.
select
    (select coalesce(sum(row_count), 0)::bigint from export_files),
    (select count(*) from staged_presence),
    (select count(*) from validated_presence),
    (select count(*) from validated_presence where verdict = 'valid'),
    (select count(*) from outbox),
    (select count(*) from answers)
