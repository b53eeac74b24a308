-- Where version 0.1.0's first days left answers, which do not say how a call in parts ended: the count of the books starts
-- there. Reads answers. Every file is counted all the same; `answers_correlation_id`, which comes next, makes this the only time.
insert into audits
select max(revision), 0, count(*), now() at time zone 'UTC'
from answers
having
    count(*) > 0
    and not exists (
        select 1 from duckdb_columns() where table_name = 'answers' and column_name = 'correlation_id'
    )
