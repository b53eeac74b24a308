-- One row per span of days of which Calven reports other rows than analysts see. Reads calven_presence, analytics.calven_presence.
-- A span is replaced as a whole when it is asked for again.
create or replace temp table asked_again as
with ours as (
    select first_day, last_day, count(*) as row_count, min(pulled_at) as first_at, max(pulled_at) as last_at
    from calven_presence group by first_day, last_day
),
theirs as (
    select first_day, last_day, count(*) as row_count, min(pulled_at) as first_at, max(pulled_at) as last_at
    from analytics.calven_presence group by first_day, last_day
)
select distinct first_day, last_day
from ((from ours except from theirs) union all (from theirs except from ours))
