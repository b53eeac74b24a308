-- One row: rows read, staged, judged and removed; rows in each outcome; events accepted since the last count without an answer on
-- record, and answers of before that are gone. Reads all tables of a row's way. The cost hardly grows with what has been.
with unproven as (
    select count(*) as events
    from answers a left join calls c on c.call_id = a.call_id
    where a.revision > $revision and a.accepted
        and not coalesce(c.status between 200 and 299 or a.correlation_id is not null, false)
),
before as (select count(*) as answers from answers where revision <= $revision)
select
    (select coalesce(sum(row_count), 0)::bigint from export_files) as read,
    (select count(*) from staged_presence) as staged,
    (select count(*) from validated_presence) as judged,
    (select count(*) from removed_rows) as removed,
    coalesce(sum(accepted), 0)::bigint as accepted,
    coalesce(sum(rejected), 0)::bigint as rejected,
    coalesce(sum(pending), 0)::bigint as pending,
    coalesce(sum(duplicate), 0)::bigint as duplicate,
    coalesce(sum(ignored), 0)::bigint as ignored,
    (select events from unproven) as unproven,
    $answers - (select answers from before) as lost_answers
from file_outcomes
