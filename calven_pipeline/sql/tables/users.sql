-- One row per user known to Calven at the last pull. Published fields; all others in `extra`.
-- Reads nothing.
create table if not exists users (
    user_id varchar not null, user_name varchar, email varchar, first_name varchar, last_name varchar, status varchar,
    onboarded boolean, primary_group_id varchar, primary_location_id varchar, extra json, pulled_at timestamp not null
);
