-- One row per location (office) known to Calven at the last pull. Published field; all others in `extra`.
-- Reads nothing.
create table if not exists locations (location_id varchar not null, extra json, pulled_at timestamp not null);
