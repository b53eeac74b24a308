-- One row per row rejected in this revision: what was found, in words, and what would pass.
-- Reads validated_presence, staged_presence, known_users and the lookup tables of this validation.
create or replace temp table explanations as
with rejected as (
    select v.row_id, v.reasons, s.*  exclude (row_id), f.source, f.has_people, f.has_places, f.fallback_id, f.fallback_type
    from validated_presence v
        join staged_presence s on s.row_id = v.row_id
        join judged_files f on f.file_id = s.file_id
    where v.revision = $revision and v.verdict = 'rejected'
),
named as (
    select
        r.row_id, r.reasons, r.malformed, r.unlisted, r.timestamp_text, r.source_user_id, r.place,
        r.location_id is null and d.door is null and r.fallback_id is not null as falls_back,
        coalesce(r.user_id, case when r.user_email is null then p.user_id end) as user_id,
        coalesce(r.user_email, case when r.user_id is null then p.user_email end) as user_email,
        case when falls_back then r.fallback_id else coalesce(r.location_id, d.location_id) end as location_id,
        case
            when falls_back then r.fallback_type
            else coalesce(case when r.location_id is null then d.location_type end, r.location_type)
        end as location_type
    from rejected r
        left join badges p
            on p.source = r.source and p.badge = case when r.has_people then lower(r.source_user_id) end
        left join doors d on d.source = r.source and d.door = case when r.has_places then lower(r.place) end
),
outcomes as (
    select unlisted, unnest(json_keys(unlisted)) as theirs
    from (select distinct unlisted from rejected where unlisted is not null)
),
wordings as (
    select
        unlisted,
        string_agg(
            concat(theirs, ' = ', coalesce(json_extract_string(
                unlisted, concat('/', replace(replace(theirs, '~', '~0'), '/', '~1'))
            ), '(none)')),
            ', '
        ) as wording
    from outcomes
    group by unlisted
)
select
    n.row_id,
    case n.reasons[1]
        when 'malformed_row' then 'the line does not have the shape of the other rows'
        when 'unlisted_outcome' then concat('not listed under granted or ignored: ', w.wording)
        when 'missing_timestamp' then 'the row has no time'
        when 'invalid_timestamp' then concat('not a time that the source profile can read: ', n.timestamp_text)
        when 'future_timestamp' then 'the time is more than 10 minutes ahead'
        when 'missing_user' then 'the row names neither a user id nor an address'
        when 'unmapped_person' then concat('not in the people table: ', n.source_user_id)
        when 'unknown_user' then concat('no Calven user: ', case when i.id is null then coalesce(n.user_id, n.user_email)
            else n.user_email end)
        when 'email_case_mismatch' then concat('Calven compares addresses with case: ', n.user_email)
        when 'ambiguous_user' then concat('more than one Calven user has the address ', n.user_email)
        when 'user_conflict' then concat('the id ', n.user_id, ' and the address ', n.user_email, ' are different users')
        when 'missing_location' then 'the row names no location'
        when 'unmapped_place' then concat('not in the places table: ', n.place)
        when 'unknown_location' then concat('no Calven location: ', n.location_id)
        when 'invalid_location_type' then concat('not a location type: ', coalesce(n.location_type, '(none)'))
        when 'location_type_mismatch' then concat('the id exists, but not as ', n.location_type, ': ', n.location_id)
        when 'conflicting_event_id' then 'the event id was used before for another event'
    end as detail,
    coalesce(
        case when list_contains(n.reasons, 'email_case_mismatch')
            then case when lower(k.user_email) = lower(n.user_email) then k.user_email else l.provisioned end end,
        case when list_has_any(n.reasons, ['location_type_mismatch', 'invalid_location_type']) then o.location_type end
    ) as suggestion
from named n
    left join user_ids i on i.id = lower(n.user_id)
    left join known_users k on k.user_key = i.user_key
    left join loose_addresses l on l.address = lower(n.user_email)
    left join place_ids o on o.id = lower(n.location_id)
    left join wordings w on w.unlisted = n.unlisted
