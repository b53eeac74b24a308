-- One row per user ever pulled: a small number stands for the user in every table that grows.
-- Reads nothing.
create table if not exists known_users (user_key integer not null, user_id varchar not null, user_email varchar);
