-- One row per row of a collapsing source that is valid but not the event of its person, place and local day: one of an earlier
-- validation is sent or waits for it, of whatever source; among the rows of this one, the first is. Reads validated_presence,
-- staged_presence, judged_files, outbox, answers. Only the days touched are looked at.
create or replace temp table collapsed_rows as
with judged as (
    select v.row_id, v.user_key, v.location_key, s.local_date, s.occurred_at, f.collapses
    from validated_presence v
        join staged_presence s on s.row_id = v.row_id
        join judged_files f on f.file_id = s.file_id
    where v.revision = $revision and v.verdict = 'valid'
),
days as (
    select
        d.user_key, d.location_key, d.local_date, min_by(j.row_id, (j.occurred_at, j.row_id)) as first_row_id
    from (select distinct user_key, location_key, local_date from judged where collapses) d
        join judged j
            on j.user_key = d.user_key and j.location_key = d.location_key and j.local_date = d.local_date
    group by all
),
rows_of_days as (
    select row_id, local_date
    from staged_presence
    where
        local_date between (select min(local_date) from days) and (select max(local_date) from days)
        and local_date in (select local_date from days)
),
earlier as (
    select v.row_id, v.user_key, v.location_key, s.local_date
    from validated_presence v
        join rows_of_days s on s.row_id = v.row_id
        semi join days d
            on d.user_key = v.user_key and d.location_key = v.location_key and d.local_date = s.local_date
    where v.revision <> $revision and v.verdict = 'valid'
),
accepted as (
    select row_id
    from answers
    where row_id in (select row_id from earlier)
    group by row_id
    having max_by(accepted, (revision, answered_at))
),
covered as (
    select distinct user_key, location_key, local_date
    from earlier
    where row_id in (select row_id from outbox) or row_id in (from accepted)
)
select j.row_id
from judged j
    join days d on d.user_key = j.user_key and d.location_key = j.location_key and d.local_date = j.local_date
    left join covered c on c.user_key = j.user_key and c.location_key = j.location_key and c.local_date = j.local_date
where j.collapses and (c.user_key is not null or j.row_id <> d.first_row_id)
