-- One row per desk known to Calven at the last pull. Published fields; all others in `extra`.
-- Reads nothing.
create table if not exists desks (
    desk_id varchar not null, zone_id varchar, level_id varchar, extra json, pulled_at timestamp not null
);
