-- One row per local day, person and day that Calven may file them under (the local day, the UTC day): accepted since the last time, or
-- not confirmed then and worth another look. Reads answers, staged_presence, validated_presence, unconfirmed_presence.
create or replace temp table expected as
with settled as (
    select row_id, accepted
    from answers
    where revision > $since
    qualify row_number() over (partition by row_id order by revision desc, answered_at desc) = 1
),
accepted as (select row_id from settled where accepted),
bounds as (select min(row_id) as first, max(row_id) as last from accepted),
events as (
    select s.local_date, v.user_key, s.occurred_at::date as utc_day
    from staged_presence s
        join accepted a on a.row_id = s.row_id
        join validated_presence v on v.row_id = s.row_id
    where
        s.row_id between (select first from bounds) and (select last from bounds)
        and v.row_id between (select first from bounds) and (select last from bounds)
),
days as (
    select local_date, user_key, local_date as day, 0 as looks from events
    union all
    select local_date, user_key, utc_day, 0 from events where utc_day <> local_date
    union all
    select local_date, user_key, day, looks
    from unconfirmed_presence
    where looked_at <= $look_again_before::timestamptz at time zone 'UTC' and looks < $most_looks
)
select local_date, user_key, day, max(looks) as looks from days group by local_date, user_key, day
