-- One row per time that Calven was asked. Reads nothing.
-- In the transaction that keeps what it reported.
insert into reconciliations
values (
    $revision, $answers_revision, $calls, $row_count, $expected, $confirmed, $now::timestamptz at time zone 'UTC'
)
