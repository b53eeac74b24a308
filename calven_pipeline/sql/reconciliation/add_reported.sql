-- One row per row of an answer, with the person and the day as far as they are recognised. Reads answered.
-- The first value that is there counts; a day is the date part of what is written.
insert into reported by name
with texts as (
    select
        details,
        list_filter(json_extract_string(details, $user_ids), lambda text: trim(text) <> '')[1] as user_id,
        list_filter(json_extract_string(details, $user_emails), lambda text: trim(text) <> '')[1] as user_email,
        json_extract_string(details, $days) as days,
        json_extract_string(details, $times) as times
    from answered
),
dated as (
    select
        *,
        list_filter(
            list_transform(days, lambda text: coalesce(
                try_cast(left(trim(text), 10) as date), try_strptime(trim(text), '%Y%m%d')::date
            )),
            lambda day: day is not null
        )[1] as own_day,
        list_filter(
            list_transform(times, lambda text: try_cast(left(trim(text), 10) as date)), lambda day: day is not null
        )[1] as day_of_time,
        own_day between $first_day and $last_day as is_of_own_day
    from texts
)
select
    coalesce(own_day, day_of_time, case when $first_day = $last_day then $first_day end) as reported_on,
    trim(user_id) as user_id,
    trim(user_email) as user_email,
    details,
    case when is_of_own_day then own_day else $first_day end as first_day,
    case when is_of_own_day then own_day else $last_day end as last_day,
    $pulled_at::timestamptz at time zone 'UTC' as pulled_at
from dated
