-- Nobody looks for people on days of which their last event is being removed. Reads removing, staged_presence,
-- validated_presence. Before they are removed.
delete from unconfirmed_presence
where (local_date, user_key) in (
    with days as (
        select s.row_id in (from removing) as is_leaving, s.local_date, v.user_key
        from staged_presence s join validated_presence v on v.row_id = s.row_id
        where v.verdict = 'valid' and (s.local_date, v.user_key) in (select (local_date, user_key) from unconfirmed_presence)
    )
    select (local_date, user_key) from days group by local_date, user_key having bool_and(is_leaving)
)
