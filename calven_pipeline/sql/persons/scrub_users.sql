-- Takes mentions of the person out of what Calven says of others. Reads nothing else.
-- Twice, since two mentions may share what stands between them.
update users
set extra = coalesce(
    try_cast(regexp_replace(
        regexp_replace(extra::varchar, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi'
    ) as json),
    '{}'
)
where regexp_matches(extra::varchar, $mention, 'i')
