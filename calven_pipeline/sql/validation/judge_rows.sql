-- One verdict per new row and per row to recheck. Reads staged_presence, repeats, people, places, known_* and current_places.
-- The order of the reasons is the order of the README's table. Ids compare without case, addresses with.
insert into validated_presence
with rows_to_judge as (
    select s.* from staged_presence s where s.row_id > $last_row_judged
    union all
    select s.* from staged_presence s where s.row_id <= $last_row_judged and s.row_id in (from rows_to_recheck)
),
-- whom and where the row names, itself or by its source's tables
named as (
    select
        r.row_id, r.kept, r.malformed, r.occurred_at, r.timestamp_text, r.event_key, r.has_own_event_id,
        f.source, src.corrects_email_case,
        r.source_user_id, r.place,
        src.has_people and r.user_id is null and r.user_email is null as by_badge,
        src.has_places and r.location_id is null as by_door,
        case when by_badge then pm.user_id else r.user_id end as user_id,
        case when by_badge then pm.user_email else r.user_email end as user_email,
        case when by_door then lm.location_id else r.location_id end as location_id,
        case when by_door then coalesce(lm.location_type, r.location_type) else r.location_type end as location_type,
        r.user_id as own_user_id, r.user_email as own_user_email, r.location_id as own_location_id,
        r.location_type as own_location_type
    from rows_to_judge r
        join export_files f using (file_id)
        join sources src on src.source = f.source
        left join people pm on pm.source = f.source and pm.source_user_key = lower(r.source_user_id)
        left join places lm on lm.source = f.source and lm.source_place_key = lower(r.place)
),
current_users as (
    select k.user_key, lower(u.user_id) as id, any_value(u.email) as email
    from users u join known_users k on lower(k.user_id) = lower(u.user_id)
    group by all
),
addresses as (
    select email, count(*) as users, min(user_key) as user_key, list(user_key) as user_keys
    from current_users where email is not null group by email
),
addresses_without_case as (
    select
        lower(email) as email, count(*) as users, min(user_key) as user_key, list(user_key) as user_keys,
        min(email) as provisioned
    from current_users where email is not null group by lower(email)
),
place_types as (select id, min(location_type) as location_type from current_places group by id),
known_places as (
    select lower(k.location_id) as id, k.location_type, k.location_key
    from known_locations k
    where k.location_type = 'space' or (lower(k.location_id), k.location_type) in (select (id, location_type) from current_places)
),
matched as (
    select
        n.*,
        by_id.user_key as id_user,
        by_email.user_key as email_user, coalesce(by_email.users, 0) as email_users, by_email.user_keys as email_user_keys,
        loose.user_key as loose_user, loose.users as loose_users, loose.user_keys as loose_user_keys, loose.provisioned,
        known.location_key,
        other.location_type as other_type,
        first_row.row_id as first_row_id,
        n.has_own_event_id and first_row.row_id is not null
        and (
            (first_row.occurred_at, first_row.timestamp_text, first_row.source_user_id, lower(first_row.user_id),
             first_row.user_email, lower(first_row.location_id), first_row.location_type, first_row.place)
            is distinct from
            (n.occurred_at, n.timestamp_text, n.source_user_id, lower(n.own_user_id),
             n.own_user_email, lower(n.own_location_id), n.own_location_type, n.place)
        ) as differs
    from named n
        left join current_users by_id on by_id.id = lower(n.user_id)
        left join addresses by_email on by_email.email = n.user_email
        left join addresses_without_case loose
            on loose.email = case when by_email.email is null then lower(n.user_email) end
        left join known_places known on known.id = lower(n.location_id) and known.location_type = n.location_type
        left join place_types other on other.id = case when known.location_key is null then lower(n.location_id) end
        left join (
            select r.event_key, s.*  exclude (event_key)
            from repeats r join staged_presence s on s.row_id = r.first_row_id
        ) first_row on first_row.event_key = n.event_key and first_row.row_id < n.row_id
),
cured as (
    select
        *,
        coalesce(corrects_email_case, false) and loose_users = 1 as email_corrected,
        coalesce(email_user, case when email_corrected then loose_user end) as address_user
    from matched
),
judged as (
    select
        *,
        occurred_at is null and timestamp_text is null as missing_timestamp,
        timestamp_text is not null as invalid_timestamp,
        coalesce(occurred_at > $now::timestamptz at time zone 'UTC' + interval 10 minutes, false) as future_timestamp,
        user_id is null and user_email is null and not (by_badge and source_user_id is not null) as missing_user,
        user_id is null and user_email is null and by_badge and source_user_id is not null as unmapped_person,
        (user_id is not null and id_user is null)
        or (user_email is not null and email_users = 0 and loose_users is null) as unknown_user,
        user_email is not null and email_users = 0 and (loose_users = 1 or (loose_users > 1 and user_id is not null))
        and not email_corrected as email_case_mismatch,
        user_email is not null and user_id is null
        and (email_users > 1 or (email_users = 0 and coalesce(loose_users, 0) > 1)) as ambiguous_user,
        coalesce(
            id_user is not null and not list_contains(coalesce(email_user_keys, loose_user_keys), id_user), false
        ) as user_conflict,
        location_id is null and not (by_door and place is not null) as missing_location,
        location_id is null and by_door and place is not null as unmapped_place,
        location_id is not null and location_key is null and other_type is null as unknown_location,
        location_id is not null
        and coalesce(location_type not in ('level', 'location', 'place', 'space', 'zone'), true) as invalid_location_type,
        location_id is not null and location_key is null and other_type is not null
        and location_type in ('level', 'location', 'place', 'zone') as location_type_mismatch
    from cured
),
weighed as (
    select
        *,
        missing_timestamp or invalid_timestamp or future_timestamp or missing_user or unmapped_person or unknown_user
        or email_case_mismatch or ambiguous_user or user_conflict or missing_location or unmapped_place
        or unknown_location or invalid_location_type or location_type_mismatch or differs as is_bad
    from judged
),
settled as (
    select
        *,
        case
            when malformed is not null then 'rejected'
            when not kept then 'ignored'
            when first_row_id is not null and not differs then 'duplicate'
            when is_bad then 'rejected'
            else 'valid'
        end as verdict
    from weighed
),
reasoned as (
    select
        *,
        case
            when verdict <> 'rejected' then null
            when malformed is not null then ['malformed_row']
            else list_filter([
                case when missing_timestamp then 'missing_timestamp' end,
                case when invalid_timestamp then 'invalid_timestamp' end,
                case when future_timestamp then 'future_timestamp' end,
                case when missing_user then 'missing_user' end,
                case when unmapped_person then 'unmapped_person' end,
                case when unknown_user then 'unknown_user' end,
                case when email_case_mismatch then 'email_case_mismatch' end,
                case when ambiguous_user then 'ambiguous_user' end,
                case when user_conflict then 'user_conflict' end,
                case when missing_location then 'missing_location' end,
                case when unmapped_place then 'unmapped_place' end,
                case when unknown_location then 'unknown_location' end,
                case when invalid_location_type then 'invalid_location_type' end,
                case when location_type_mismatch then 'location_type_mismatch' end,
                case when differs then 'conflicting_event_id' end
            ], lambda reason: reason is not null)
        end as reasons
    from settled
)
select
    row_id,
    verdict,
    reasons,
    case reasons[1]
        when 'malformed_row' then 'the line does not have the shape of the other rows'
        when 'missing_timestamp' then 'the row has no time'
        when 'invalid_timestamp' then concat('not a time that the source profile can read: ', timestamp_text)
        when 'future_timestamp' then 'the time is more than 10 minutes ahead'
        when 'missing_user' then 'the row names neither a user id nor an address'
        when 'unmapped_person' then concat('not in the people table: ', source_user_id)
        when 'unknown_user' then concat('no Calven user: ', coalesce(case when id_user is null then user_id end, user_email))
        when 'email_case_mismatch' then concat('Calven compares addresses with case: ', user_email)
        when 'ambiguous_user' then concat('more than one Calven user has the address ', user_email)
        when 'user_conflict' then concat('the id ', user_id, ' and the address ', user_email, ' are different users')
        when 'missing_location' then 'the row names no location'
        when 'unmapped_place' then concat('not in the places table: ', place)
        when 'unknown_location' then concat('no Calven location: ', location_id)
        when 'invalid_location_type' then concat('not a location type: ', coalesce(location_type, '(none)'))
        when 'location_type_mismatch' then concat('the id exists, but not as ', location_type, ': ', location_id)
        when 'conflicting_event_id' then 'the event id was used before for another event'
    end as detail,
    case when verdict = 'rejected' then nullif(concat_ws(
        '; ',
        case when email_case_mismatch then provisioned end,
        case when location_type_mismatch or (invalid_location_type and other_type is not null) then other_type end
    ), '') end as suggestion,
    case when verdict in ('valid', 'duplicate') then coalesce(id_user, address_user) end as user_key,
    case when verdict in ('valid', 'duplicate') then location_key end as location_key,
    case when verdict = 'valid' then id_user is null end as sends_email,
    $revision as revision
from reasoned
