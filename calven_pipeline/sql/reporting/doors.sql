-- One row per source and door that its places table does not map, the most waiting rows first; `row_count` is null where it is
-- hidden. Reads rejections, presence.
-- Doors are no people, so each is named; a count of rows of fewer people than the smallest group is hidden, and the next larger ones of
-- the source with it, until those hidden are of two smallest groups: the count of the reason, less the doors shown, leaves several.
with waiting as (
    select
        p.source, lower(p.source_place) as door, p.source_place, p.row_id,
        coalesce(lower(p.user_id), lower(p.user_email), lower(p.source_user_id), '') as person
    from rejections j join presence p using (row_id)
    where j.status = 'open' and j.reason = 'unmapped_place' and p.source_place is not null
),
counted as (
    select source, door, min(source_place) as source_place, count(*) as row_count, count(distinct person) as people
    from waiting
    group by source, door
),
ranked as (
    select
        *, bool_or(people < $smallest_group) over (partition by source) as has_small,
        coalesce(sum(people) over (
            partition by source order by people, door rows between unbounded preceding and 1 preceding
        ), 0) as people_before
    from counted
),
shown as (
    select
        source, source_place, door,
        case when not (has_small and (people < $smallest_group or people_before < 2 * $smallest_group)) then row_count end as row_count
    from ranked
)
select source, source_place, row_count
from shown
order by source, row_count desc nulls last, door
