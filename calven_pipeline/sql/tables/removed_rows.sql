-- One row per row that was read and removed since, in the outcome that it counts as. No person stands here: its event id and its
-- content are hashes with the salt, null where the row stood for no event, and of the content where that made the event id.
create table if not exists removed_rows (
    row_id bigint not null, event_hash uuid, content_hash uuid, outcome varchar not null, local_date date, revision integer not null
);
