-- What `differs_from` compares of a row of staged_presence, as one text: equal texts where nothing differs.
-- A missing value is another than any text.
create or replace temp macro content_of(s) as
    concat_ws(
        chr(31),
        coalesce(epoch_us(s.occurred_at)::varchar, chr(30)), coalesce(s.timestamp_text, chr(30)),
        coalesce(s.source_user_id, chr(30)), coalesce(lower(s.user_id), chr(30)), coalesce(s.user_email, chr(30)),
        coalesce(lower(s.location_id), chr(30)), coalesce(s.location_type, chr(30)), coalesce(s.place, chr(30))
    )
