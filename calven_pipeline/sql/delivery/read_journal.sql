-- One row per answer or failure noted in the journal file $path, in the order they came.
-- A last line that a crash cut off reads as nulls and proves nothing.
create or replace temp table noted as
select *
from read_json(
    $path, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 67108864,
    columns = {
        call_id: 'INTEGER', event_ids: 'VARCHAR[]', attempts: 'INTEGER', status: 'INTEGER', correlation_id: 'VARCHAR',
        sent_at: 'TIMESTAMPTZ', answered_at: 'TIMESTAMPTZ', answer: 'VARCHAR', refusal: 'VARCHAR', problem: 'VARCHAR',
        is_last: 'BOOLEAN'
    }
)
where call_id is not null
