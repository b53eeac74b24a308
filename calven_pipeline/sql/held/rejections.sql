-- One JSON array: the person's rows that were rejected, open or resolved. Reads rejections, person_rows.
-- With the original text.
select coalesce(to_json(list(t order by t.row_id)), '[]')::varchar
from (
    select
        * exclude (revision)
        replace (
            iso_utc(first_rejected_at) as first_rejected_at, iso_utc(last_checked_at) as last_checked_at,
            iso_utc(resolved_at) as resolved_at
        )
    from rejections
    where row_id in (select row_id from person_rows where is_theirs)
) t
