-- One row per first reason: how many rows, the first of them, what was found most often, and how much else. Reads read_rows.
-- At most $examples findings a reason.
with found as (
    select reasons[1] as reason, detail, min(suggestion) as suggestion, count(*) as rows, min(row_number) as first_row
    from read_rows
    where outcome = 'rejected'
    group by all
)
select
    reason, sum(rows)::bigint, min(first_row),
    list({'detail': detail, 'rows': rows, 'row': first_row, 'suggestion': suggestion} order by rows desc, first_row)[:$examples],
    greatest(count(*) - $examples, 0)
from found
group by reason
order by 2 desc, reason
