-- One row: how many users there are, how many of them bear the id of another, and how many the last pull had (null: there was none).
-- Reads users and reference_pulls. Ids compare without case.
select
    count(*), count(*) - count(distinct lower(user_id)),
    (select row_count from reference_pulls where resource = 'users')
from users
