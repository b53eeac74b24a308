-- One row per local day of the period and office that may be shown; `people` is null where it is hidden. Reads temp seen.
-- An office where fewer different people than the smallest group were seen in the whole period is left out, its empty days too: they
-- would tell on which days these few people came. Nobody is 0, not hidden.
create or replace temp table office_days as
with shown as (
    select office_key from seen group by office_key having count(distinct person) >= $smallest_group
),
days as (
    select unnest(generate_series($first_date::timestamp, $last_date::timestamp, interval 1 day))::date as local_date
),
counted as (
    select office_key, local_date, count(distinct person) as people from seen group by office_key, local_date
)
select
    d.local_date, s.office_key,
    case when c.people is null then 0 when c.people >= $smallest_group then c.people end as people
from shown s
    cross join days d
    left join counted c using (office_key, local_date)
