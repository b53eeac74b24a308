-- One row per range of days to ask for, at most $most_days long; the days between are not asked for. Reads expected, calven_presence.
-- A row that names no day of its own stands for all days it was asked with, so these are asked for again together.
create or replace temp table asked as
with touched as (
    select local_date as day from expected
    union
    select day from expected
),
together as (
    select distinct first_day, last_day
    from calven_presence
    where
        first_day < last_day
        and last_day >= (select min(day) from touched)
        and first_day <= (select max(day) from touched)
),
days as (
    from touched
    union
    select unnest(generate_series(g.first_day, g.last_day, interval 1 day))::date
    from together g
    where exists (select 1 from touched t where t.day between g.first_day and g.last_day)
),
islands as (select day, day - row_number() over (order by day)::integer as island from days),
parts as (select day, island, (row_number() over (partition by island order by day) - 1) // $most_days as part from islands)
select min(day) as first_day, max(day) as last_day from parts group by island, part
