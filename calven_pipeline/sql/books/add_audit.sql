-- One row per count of the books that balanced. Reads validated_presence, answers, removed_rows, export_files.
-- The next count starts there.
insert into audits
select
    greatest(
        (select coalesce(max(revision), 0) from validated_presence),
        (select coalesce(max(revision), 0) from answers),
        (select coalesce(max(revision), 0) from removed_rows)
    ),
    (select coalesce(max(first_row_id + row_count - 1), 0) from export_files),
    (select count(*) from answers),
    now() at time zone 'UTC'
