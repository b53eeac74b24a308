-- One row per local day of the period and outcome that is shown: its share of the day's rows, in whole percents. Reads presence.
-- Shares, not counts: counts of accepted rows, beside the people shown, would tell of those hidden. An outcome of fewer people than the
-- smallest group is left out of its day; rows that name nobody count as one person together, since they may be of one.
with counted as (
    select
        local_date, outcome, count(*) as row_count,
        count(distinct coalesce(
            lower(user_id), lower(user_email), source || ' ' || lower(source_user_id), ''
        )) as people
    from presence
    where local_date between $first_date and $last_date
    group by local_date, outcome
)
select local_date, outcome, round(100 * row_count / sum(row_count) over (partition by local_date))::integer as percent
from counted
where people >= $smallest_group
order by local_date, outcome
