-- One verdict per new row and per row to recheck. Reads staged_presence and the lookup tables of this validation.
-- The order of the reasons is the documented one; of a row that may be no presence, nothing else is said. Ids compare without
-- case, addresses with.
insert into validated_presence
with rows_to_judge as (
    select * from staged_presence where row_id > $last_row_judged
    union all
    select * from staged_presence where row_id <= $last_row_judged and row_id in (from rows_to_recheck)
),
-- whom and where the row names: by itself, else by its source's tables
named as (
    select
        r.row_id, r.kept, r.malformed is not null as is_malformed, r.occurred_at, r.timestamp_text is not null as has_bad_time,
        f.corrects_email_case,
        f.has_people and r.user_id is null and r.user_email is null and r.source_user_id is not null as by_badge,
        f.has_places and r.location_id is null and r.place is not null as by_door,
        coalesce(r.user_id, case when by_badge then p.user_id end) as user_id,
        coalesce(r.user_email, case when by_badge then p.user_email end) as user_email,
        r.location_id is null and d.door is null and f.fallback_id is not null as falls_back,
        case when falls_back then f.fallback_id else coalesce(r.location_id, d.location_id) end as location_id,
        case
            when falls_back then f.fallback_type
            when by_door then coalesce(d.location_type, r.location_type)
            else r.location_type
        end as location_type
    from rows_to_judge r
        join judged_files f on f.file_id = r.file_id
        left join badges p
            on p.source = f.source and p.badge = case when f.has_people then lower(r.source_user_id) end
        left join doors d
            on d.source = f.source
            and d.door = case when f.has_places and r.location_id is null then lower(r.place) end
),
found as (
    select
        n.* exclude (user_id, user_email, location_id),
        n.user_id is not null as has_id, n.user_email is not null as has_address, n.location_id is not null as has_location,
        i.user_key as id_user,
        a.user_key as exact_user, coalesce(a.users, 0) as exact_users,
        l.user_key as loose_user, coalesce(l.users, 0) as loose_users,
        coalesce(a.user_keys, l.user_keys) as many_users,
        p.location_key, o.id is not null as has_other_type,
        coalesce(d.differs, false) as differs, coalesce(not d.differs, false) as is_repeat,
        coalesce(d.listing = 'unlisted', false) as is_unlisted, coalesce(d.listing = 'ignored', false) as is_ignored
    from named n
        left join user_ids i on i.id = lower(n.user_id)
        left join addresses a on a.address = n.user_email
        left join loose_addresses l on l.address = case when a.address is null then lower(n.user_email) end
        left join places_by_type p on p.id = lower(n.location_id) and p.location_type = n.location_type
        left join place_ids o on o.id = case when p.location_key is null then lower(n.location_id) end
        left join marked_rows d on d.row_id = n.row_id
),
resolved as (
    select
        *,
        corrects_email_case and loose_users = 1 as is_corrected,
        coalesce(exact_user, case when is_corrected then loose_user end) as address_user,
        case location_type when 'level' then true when 'location' then true when 'place' then true when 'space' then true
            when 'zone' then true else false end as is_type
    from found
),
judged as (
    select
        *,
        occurred_at is null and not has_bad_time as missing_timestamp,
        coalesce(occurred_at > $now::timestamptz at time zone 'UTC' + interval 10 minutes, false) as future_timestamp,
        not has_id and not has_address and not by_badge as missing_user,
        not has_id and not has_address and by_badge as unmapped_person,
        (has_id and id_user is null) or (has_address and exact_users = 0 and loose_users = 0) as unknown_user,
        has_address and exact_users = 0 and loose_users > 0 and not corrects_email_case as email_case_mismatch,
        not has_id and (exact_users > 1 or (exact_users = 0 and loose_users > 1 and corrects_email_case)) as ambiguous_user,
        coalesce(id_user <> coalesce(exact_user, loose_user) and not coalesce(list_contains(many_users, id_user), false), false)
            as user_conflict,
        not has_location and not by_door as missing_location,
        not has_location and by_door as unmapped_place,
        has_location and location_key is null and not has_other_type as unknown_location,
        has_location and not is_type as invalid_location_type,
        has_location and is_type and location_key is null and has_other_type as location_type_mismatch
    from resolved
),
settled as (
    select
        *,
        case
            when is_malformed then 'rejected'
            when not kept or is_ignored then 'ignored'
            when is_unlisted then 'rejected'
            when is_repeat then 'duplicate'
            when missing_timestamp or has_bad_time or future_timestamp or missing_user or unmapped_person or unknown_user
                or email_case_mismatch or ambiguous_user or user_conflict or missing_location or unmapped_place
                or unknown_location or invalid_location_type or location_type_mismatch or differs
                then 'rejected'
            else 'valid'
        end as verdict
    from judged
)
select
    row_id,
    verdict,
    case
        when verdict <> 'rejected' then null
        when is_malformed then ['malformed_row']
        when is_unlisted then ['unlisted_outcome']
        else list_filter([
            case when missing_timestamp then 'missing_timestamp' end,
            case when has_bad_time then 'invalid_timestamp' end,
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
    end as reasons,
    case when verdict in ('valid', 'duplicate') then coalesce(id_user, address_user) end as user_key,
    case when verdict in ('valid', 'duplicate') then location_key end as location_key,
    case when verdict = 'valid' then id_user is null end as sends_email,
    $revision as revision
from settled
