-- One row per row of one export file, copied and named. Reads export_rows: the open file in our column names, all text.
-- $timezone is null or a zone for times without an offset, $has_offsets says that these have one in a column of their own,
-- $reads_iso that times may be ISO 8601; what the profile's own formats read has been read already. $local_timezone is
-- null or the zone of the day.
insert into staged_presence
with read as (
    select
        $first_row_id + row_number - 1 as row_id,
        $file_id + file_number as file_id,
        timestamp as timestamp_text,
        read_before_iso, read_after_iso, offset_minutes,
        $reads_iso and read_before_iso is null and timestamp like '2___-__-__T__:__:__Z' as is_plain_time,
        event_id, source_user_id, user_id, user_email, location_id, lower(location_type) as location_type, place,
        kept, unlisted, malformed
    from export_rows
),
-- ISO 8601 in its other spellings (basic form, small letters, comma, a space before the offset); most rows need none of it
spelled as (
    select
        *,
        case
            when not $reads_iso or timestamp_text is null or read_before_iso is not null then null
            when is_plain_time then timestamp_text
            else regexp_replace(
                regexp_replace(
                    regexp_replace(replace(upper(timestamp_text), ',', '.'), '\s+(Z|[+-]\d{2}(:?\d{2})?)$', '\1'),
                    '^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})', '\1-\2-\3T\4:\5:\6'
                ),
                '([T ]\d{2}:\d{2})(Z|[+-]\d{2}(:?\d{2})?)$', '\1:00\2'  -- DuckDB 1.5 wants seconds before an offset
            )
        end as iso
    from read
),
timed as (
    select
        *,
        case
            when not $reads_iso then null
            when is_plain_time then try_cast(iso as timestamptz)
            when regexp_full_match(
                iso, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)'
            )
                then try_cast(iso as timestamptz)
            when regexp_full_match(iso, '\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?')
                then case
                    when $has_offsets then (try_cast(iso as timestamp) - to_minutes(offset_minutes)) at time zone 'UTC'
                    else try_cast(iso as timestamp) at time zone $timezone
                end
        end as iso_instant,
        coalesce(read_before_iso, iso_instant, read_after_iso) as instant
    from spelled
),
dated as (
    select
        *,
        instant at time zone 'UTC' as occurred_at,
        case
            when $local_timezone is not null then (instant at time zone $local_timezone)::date
            when offset_minutes is not null then (instant at time zone 'UTC' + to_minutes(offset_minutes))::date
            when iso_instant is not null and not suffix(iso, 'Z')  -- 24:00 is the next day
                then try_cast(left(iso, 10) as date) + (substr(iso, 12, 2) = '24')::integer
            else (instant at time zone 'UTC')::date
        end as local_date
    from timed
),
identified as (
    select
        *,
        try_cast(event_id as uuid) as own_uuid,
        own_uuid::varchar = event_id as is_plain_uuid
    from dated
),
keyed as (
    select
        *,
        case
            when is_plain_uuid then own_uuid
            when malformed is not null then null
            when event_id is null then md5(concat_ws(
                chr(31), 'swipe', $source, coalesce(epoch_us(occurred_at)::varchar, timestamp_text, ''),
                coalesce(source_user_id, ''), coalesce(lower(user_id), ''), coalesce(user_email, ''),
                coalesce(place, ''), coalesce(lower(location_id), ''), coalesce(location_type, '')
            ))::uuid
            when own_uuid::varchar = lower(event_id) then own_uuid
            else md5(concat_ws(chr(31), 'event', lower(event_id)))::uuid
        end as event_key
    from identified
)
select
    row_id,
    file_id,
    kept,
    occurred_at,
    case when occurred_at is not null then local_date end as local_date,
    case when occurred_at is null then timestamp_text end as timestamp_text,
    event_key,
    case when is_plain_uuid is not true then event_id end as event_id,
    event_id is not null as has_own_event_id,
    source_user_id, user_id, user_email, location_id, location_type, place, malformed, unlisted
from keyed
