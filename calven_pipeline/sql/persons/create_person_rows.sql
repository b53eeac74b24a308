-- One row per row of the person: those of which validation said so, and of those that mean nobody, all that carry their id, address
-- or badge, or name them in a broken line or in the original text. `names_others`: somebody else stands in it too. Reads person,
-- everyone, address_owners, badge_owners, and the tables of a row's way.
create or replace temp table person_rows as
with keys as (
    select user_key from known_users where lower(user_id) in (select value from person where kind = 'id')
),
rows_read as (
    select
        s.row_id, f.source, v.row_id is not null as is_judged, v.user_key is not null as means_somebody,
        coalesce(v.user_key in (from keys), false) as means_them,
        lower(s.user_id) as user_id, lower(s.user_email) as address, lower(s.source_user_id) as badge,
        s.malformed is not null as is_malformed,
        coalesce(regexp_matches(s.malformed, $mention, 'i'), false)
            or coalesce(regexp_matches(s.malformed, $field, 'i'), false) as is_named
    from staged_presence s
        join export_files f on f.file_id = s.file_id
        left join validated_presence v on v.row_id = s.row_id
),
mentions as (
    select row_id from rejections where coalesce(regexp_matches(raw, $mention, 'i') or regexp_matches(detail, $mention, 'i'), false)
),
carried as (
    select
        *,
        coalesce(user_id in (select value from person where kind = 'id'), false)
            or coalesce(address in (select value from person where kind = 'address' and is_theirs), false)
            or coalesce((source, badge) in (select (source, value) from person where kind = 'badge' and is_theirs), false)
            or is_named as carries_theirs,
        row_id in (from mentions) as is_mentioned,
        coalesce(address in (select value from person where kind = 'address' and not is_theirs), false)
            or coalesce((source, badge) in (select (source, value) from person where kind = 'badge' and not is_theirs), false)
            as carries_shared
    from rows_read
),
candidates as (
    from carried where means_them or (not means_somebody and (carries_theirs or is_mentioned or carries_shared))
),
held as (
    select
        c.*,
        (c.user_id in (select id from everyone) and c.user_id is distinct from $id)
            or (a.id is not null and a.id is distinct from $id)
            or (b.id is not null and b.id is distinct from $id) as names_others
    from candidates c
        left join address_owners a on a.address = c.address
        left join badge_owners b on b.source = c.source and b.badge = c.badge
)
select
    row_id, is_judged, is_malformed, not means_them and coalesce(names_others, false) as names_others,
    means_them or carries_theirs or (is_mentioned and not coalesce(names_others, false)) as is_theirs
from held
