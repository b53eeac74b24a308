-- One row per table of Calven's: how many rows, how many of them bear the id of another, and how many the last pull had (null: there
-- was none). Reads users, locations, desks and reference_pulls. Ids compare without case.
with tables as (
    select 'users' as resource, count(*) as row_count, count(*) - count(distinct lower(user_id)) as doubled from users
    union all
    select 'locations', count(*), count(*) - count(distinct lower(location_id)) from locations
    union all
    select 'desks', count(*), count(*) - count(distinct lower(desk_id)) from desks
)
select t.resource, t.row_count, t.doubled, p.row_count from tables t left join reference_pulls p using (resource) order by t.resource
