-- One row per staged row: the verdict. `user_key` and `location_key` say whom and where the row means.
-- Reads nothing.
create table if not exists validated_presence (
    row_id bigint not null,
    verdict varchar not null,
    reasons varchar[],
    user_key integer,
    location_key integer,
    sends_email boolean,
    revision integer not null
);
