-- One row per door of one source that the rows to judge name and no key of its places table names: the target of the pattern that
-- fits with most characters of its own, of the first one where two have as many. Reads places, staged_presence, judged_files,
-- rows_to_recheck, doors, spellings.
insert into doors
with patterns as (
    select
        location_id, location_type, position,
        length(replace(replace(source_place_key, '*', ''), '?', '')) as own_characters,
        replace(replace(replace(replace(replace(
            source_place_key, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'), '?', '_') as wording
    from places
    where source = $source and (contains(source_place_key, '*') or contains(source_place_key, '?'))
),
files as (select file_id from judged_files where source = $source),
named as (
    select place
    from staged_presence
    where row_id > $last_row_judged and file_id in (from files) and location_id is null and place is not null
    union all
    select place
    from staged_presence
    where
        row_id <= $last_row_judged and row_id in (from rows_to_recheck)
        and file_id in (from files) and location_id is null and place is not null
),
unknown as (
    select distinct lower(place) as door
    from named
    where lower(place) not in (select door from doors where source = $source)
)
select $source, u.door, p.location_id, p.location_type
from unknown u
    left join spellings n on n.source = $source and n.ours = 'place' and n.staged = u.door
    join patterns p on coalesce(n.spelling, u.door) like p.wording escape '\'
qualify row_number() over (partition by u.door order by p.own_characters desc, p.position) = 1
