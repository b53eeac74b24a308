-- Marks the rows that count since their outcome is listed, and whose event stood in a removed row, as its repeats. Reads
-- unlisted_rows, staged_presence, removed_rows, salt. Where the event stands in another row as well, that has been said already.
update marked_rows
set differs = x.differs
from (
    with healing as (
        select s.*, hashed((select salt from salt), s.event_key::varchar) as event_hash
        from staged_presence s
        where s.row_id in (select row_id from unlisted_rows where is_healing)
    ),
    firsts as (
        select event_hash, min_by(content_hash, row_id) as content_hash
        from removed_rows
        where event_hash in (select event_hash from healing)
        group by event_hash
    )
    select
        h.row_id,
        h.has_own_event_id and hashed((select salt from salt), content_of(h)) is distinct from f.content_hash as differs
    from healing h join firsts f on f.event_hash = h.event_hash
) x
where x.row_id = marked_rows.row_id and marked_rows.differs is null
