-- One row per reference table that has rows: how many, and when they were pulled. Reads users, locations and desks.
-- In the order of the documentation.
with pulls as (
    select 1 as place, 'users' as resource, count(*) as row_count, max(pulled_at) as pulled_at from users
    union all
    select 2, 'locations', count(*), max(pulled_at) from locations
    union all
    select 3, 'desks', count(*), max(pulled_at) from desks
)
select resource, row_count, pulled_at from pulls where row_count > 0 order by place
