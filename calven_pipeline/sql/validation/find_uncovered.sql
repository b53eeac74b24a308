-- One row per collapsed row whose covering event Calven refused since the last look, or is about to be judged again itself: it may
-- take its place. Reads answers, rows_to_recheck, validated_presence, staged_presence. Only the days touched are looked at.
insert into rows_to_recheck
with lost as (
    select row_id from answers where revision > $answers_revision and not accepted
    union
    select row_id from rows_to_recheck
),
days as (
    select distinct v.user_key, v.location_key, s.local_date
    from validated_presence v join staged_presence s on s.row_id = v.row_id
    where v.row_id in (from lost) and s.row_id in (from lost) and v.verdict = 'valid'
),
rows_of_days as (
    select row_id, local_date
    from staged_presence
    where
        local_date between (select min(local_date) from days) and (select max(local_date) from days)
        and local_date in (select local_date from days)
)
select v.row_id
from validated_presence v
    join rows_of_days s on s.row_id = v.row_id
    semi join days d
        on d.user_key = v.user_key and d.location_key = v.location_key and d.local_date = s.local_date
where v.verdict = 'ignored' and v.reasons = ['collapsed'] and v.row_id not in (from rows_to_recheck)
