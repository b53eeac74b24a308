-- One row per event that became valid. Reads validated_presence, answers, rows_to_recheck.
-- Its event id was fixed when it was staged; tries of before, which Calven refused, still count.
insert into outbox (row_id, attempts)
select v.row_id, coalesce(a.attempts, 0)
from validated_presence v
    left join (
        select row_id, max(attempts) as attempts from answers where row_id in (from rows_to_recheck) group by row_id
    ) a on a.row_id = v.row_id
where v.revision = $revision and v.verdict = 'valid'
