-- Whether two rows of staged_presence under one event id tell different things. Ids compare without case, addresses with.
-- Both may have no time; texts that are no time are compared then.
create or replace temp macro differs_from(s, e) as
    (s.occurred_at, s.timestamp_text, s.source_user_id, lower(s.user_id), s.user_email, lower(s.location_id), s.location_type, s.place)
    is distinct from
    (e.occurred_at, e.timestamp_text, e.source_user_id, lower(e.user_id), e.user_email, lower(e.location_id), e.location_type, e.place)
