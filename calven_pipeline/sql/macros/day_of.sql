-- Who was where on which local day, as one text. Ids compare without case.
-- See removed_days.
create or replace temp macro day_of(user_id, location_id, location_type, local_date) as
    concat_ws(chr(31), 'day', lower(user_id), lower(location_id), location_type, local_date::varchar)
