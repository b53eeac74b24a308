-- One row: the newest revision that changed anything. Reads validated_presence, answers,
-- rejections, outbox, calls, reconciliations.
-- Later revisions are synced by the next snapshot.
select greatest(
    (select coalesce(max(revision), 0) from validated_presence),
    (select coalesce(max(revision), 0) from answers),
    (select coalesce(max(revision), 0) from rejections),
    (select coalesce(max(tried_in), 0) from outbox),
    (select coalesce(max(revision), 0) from calls),
    (select coalesce(max(revision), 0) from reconciliations)
)
