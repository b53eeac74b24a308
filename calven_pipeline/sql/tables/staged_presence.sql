-- One row per row read. Append only. Times are UTC; text is kept only where it did not parse, and an event id only where
-- it is not the text of the key. Ids and addresses are not compressed: finding out how costs a fourth of all staging and
-- saves a third of the space (5,000,000 rows). `unlisted` is null, or the outcomes that the profile lists nowhere. `row_id` minus
-- the file's `first_row_id` plus 1 is the row's number in its file.
create table if not exists staged_presence (
    row_id bigint not null,
    file_id integer not null,
    kept boolean not null,
    occurred_at timestamp,
    local_date date,
    timestamp_text varchar,
    event_key uuid,
    event_id varchar,
    has_own_event_id boolean,
    source_user_id varchar using compression uncompressed,
    user_id varchar using compression uncompressed,
    user_email varchar using compression uncompressed,
    location_id varchar using compression uncompressed,
    location_type varchar,
    place varchar,
    malformed varchar,
    unlisted varchar
);
