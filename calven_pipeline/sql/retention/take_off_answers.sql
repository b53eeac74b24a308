-- Answers that are being removed are no lost ones: the last count of the books has as many less. Reads removing, answers.
-- Before they are removed.
update audits
set answers = audits.answers - (
    select count(*)
    from answers a
    where
        a.row_id between $first_row_id and $last_row_id and a.row_id in (from removing)
        and a.revision <= (select max(revision) from audits)
)
where revision = (select max(revision) from audits)
