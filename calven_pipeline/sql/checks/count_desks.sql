-- One row: how many desks there are, how many of them bear the id of another, and how many the last pull had (null: there was none).
-- Reads desks and reference_pulls. Ids compare without case.
select
    count(*), count(*) - count(distinct lower(desk_id)),
    (select row_count from reference_pulls where resource = 'desks')
from desks
