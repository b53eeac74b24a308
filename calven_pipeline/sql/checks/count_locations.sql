-- One row: how many locations there are, how many of them bear the id of another, and how many the last pull had (null: there was none).
-- Reads locations and reference_pulls. Ids compare without case.
select
    count(*), count(*) - count(distinct lower(location_id)),
    (select row_count from reference_pulls where resource = 'locations')
from locations
