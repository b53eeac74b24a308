-- One row per person, local day and location of the period, with the office, level and zone it is in. Reads daily_presence, all_locations.
-- An id in capitals is the same id, as in the view `presence_by_day`; what is in no office, level or zone has an empty text there.
create or replace temp table seen as
with located as (
    select
        n.location_id, n.location_type,
        coalesce(lower(coalesce(l.office_id, case n.location_type when 'location' then n.location_id end)), '') as office_key,
        coalesce(lower(coalesce(l.level_id, case n.location_type when 'level' then n.location_id end)), '') as level_key,
        coalesce(lower(coalesce(l.zone_id, case n.location_type when 'zone' then n.location_id end)), '') as zone_key
    from (
        select distinct location_id, location_type from daily_presence where local_date between $first_date and $last_date
    ) n
        left join all_locations l on lower(l.location_id) = lower(n.location_id) and l.location_type = n.location_type
)
select distinct d.local_date, coalesce(lower(d.user_id), '') as person, l.office_key, l.level_key, l.zone_key
from daily_presence d
    join located l
        on l.location_id is not distinct from d.location_id and l.location_type is not distinct from d.location_type
where d.local_date between $first_date and $last_date
