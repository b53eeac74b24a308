-- One row per level, and zone of a level, of the offices that are shown: least and most people on a mean day, null where hidden. Reads
-- temp seen, office_days, open_days, all_locations.
-- Counted on days on which the office's own count is shown; on one that is hidden, anything from nobody to the smallest group less 1
-- may have been there, as in the office's own mean. Whoever was on no level counts as one more level, so that nobody is left over whose
-- number would follow from a difference. Where one of several is smaller than the smallest group, others are hidden with it, until those
-- hidden are two smallest groups together: what is shown, taken from the whole, leaves several. Which others does not depend on counts,
-- so that reports of overlapping days hide the same ones: first people on no level, then those with the fewest desks, by id. The zones of
-- a hidden level are all hidden. Nobody is 0, not hidden.
with shown_days as (
    select office_key, local_date, people from office_days join open_days using (local_date) where people is not null
),
days as (
    select
        office_key, count(people) as days, count(*) as open_days,
        count(*) filter (where people is null) * ($smallest_group - 1) as most_hidden
    from office_days join open_days using (local_date)
    group by office_key
    having count(people) > 0
),
persons as (
    select s.* from seen s join shown_days d using (office_key, local_date)
),
on_levels as (
    select distinct office_key, level_key, '' as zone_key, local_date, person from persons
    qualify level_key != '' or max(level_key) over (partition by office_key, local_date, person) = ''
),
in_zones as (
    select distinct office_key, level_key, zone_key, local_date, person from persons
    where level_key != ''
    qualify zone_key != '' or max(zone_key) over (partition by office_key, level_key, local_date, person) = ''
),
counted as (
    select 'level' as area_type, office_key, level_key, zone_key, count(*) as person_days from on_levels group by all
    union all
    select 'zone', office_key, level_key, zone_key, count(*) from in_zones group by all
),
known as (
    select
        location_type as area_type, lower(office_id) as office_key, coalesce(lower(level_id), '') as level_key,
        coalesce(lower(zone_id), '') as zone_key, max(location_name) as area_name, max(desks) as desks
    from all_locations
    where location_type in ('level', 'zone') and office_id is not null
        and (location_type = 'level' or level_id is not null)
    group by all
),
areas as (
    select
        area_type, office_key, level_key, zone_key, k.area_name, k.desks,
        coalesce(c.person_days, 0) / d.days as people, d.days / d.open_days as share, d.most_hidden / d.open_days as most_hidden
    from known k
        full join counted c using (area_type, office_key, level_key, zone_key)
        join days d using (office_key)
),
ranked as (
    select
        *, people > 0 and people < $smallest_group as is_small,
        coalesce(sum(people) over (
            partition by area_type, office_key, case area_type when 'zone' then level_key end
            order by
                people = 0 or people >= $smallest_group,
                case area_type when 'zone' then zone_key else level_key end != '', coalesce(desks, 0), level_key, zone_key
            rows between unbounded preceding and 1 preceding
        ), 0) as people_before,
        bool_or(people > 0 and people < $smallest_group) over (
            partition by area_type, office_key, case area_type when 'zone' then level_key end
        ) as has_small
    from areas
),
judged as (
    select *, people > 0 and has_small and (is_small or people_before < 2 * $smallest_group) as is_hidden from ranked
),
shown as (
    select
        j.* exclude (people),
        case when j.people = 0 or not (j.is_hidden or coalesce(l.is_hidden, false)) then j.people * j.share end as least
    from judged j
        left join judged l
            on j.area_type = 'zone' and l.area_type = 'level' and l.office_key = j.office_key and l.level_key = j.level_key
)
select
    office_key, area_type,
    coalesce(area_name, case area_type when 'level' then nullif(level_key, '') else nullif(zone_key, '') end) as area_name,
    round(least)::integer as people, round(least + most_hidden)::integer as most_people, desks,
    round(100 * least / nullif(desks, 0))::integer as percent_of_desks,
    round(100 * (least + most_hidden) / nullif(desks, 0))::integer as most_percent_of_desks
from shown
where least is distinct from 0 or desks > 0
order by
    office_key, level_key = '', max(area_name) filter (where area_type = 'level') over (partition by office_key, level_key),
    level_key, area_type, zone_key = '', area_name, zone_key
