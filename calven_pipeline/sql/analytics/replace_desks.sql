-- One row per desk. Reads desks.
-- Replaced as a whole where another answer was pulled. Which office a desk is in stays where names do not.
insert into analytics.desks by name
select
    * replace (
        coalesce(
            if_named(extra),
            case when extra ->> '$.locationId' is not null then json_object('locationId', as_key(extra ->> '$.locationId')) end
        ) as extra
    )
from desks
