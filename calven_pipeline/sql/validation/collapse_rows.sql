-- Rows that stand beside the one event of their person, place and day are no presence of their own. Reads collapsed_rows.
-- They keep whom and where they mean, so that one of them can take that event's place.
update validated_presence
set verdict = 'ignored', reasons = ['collapsed'], sends_email = null
where revision = $revision and row_id in (from collapsed_rows)
