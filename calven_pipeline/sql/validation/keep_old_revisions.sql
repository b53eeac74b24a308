-- A verdict that was given again and is the same is no news: it keeps its revision. Reads old_verdicts.
-- Otherwise the books of its file would be counted again, and the row written to the snapshot.
update validated_presence
set revision = o.revision
from old_verdicts o
where
    o.row_id = validated_presence.row_id
    and validated_presence.revision = $revision
    and o.verdict = validated_presence.verdict
    and o.reasons = validated_presence.reasons
    and o.user_key is not distinct from validated_presence.user_key
    and o.location_key is not distinct from validated_presence.location_key
