-- One row per answer or failure noted in the journal file $path, in the order they came; `results` is the answer's list.
-- A last line that a crash cut off reads as nulls and proves nothing, and so does an answer without a list of results.
create or replace temp table noted as
select
    * exclude (answer, sent_before),
    -- As text an object is its JSON, and so is a text in which an earlier version kept the object.
    try(from_json(answer, '{"results":[{"eventId":"VARCHAR","resultCode":"VARCHAR","message":"VARCHAR"}]}').results) as results,
    coalesce(sent_before, 0) as sent_before
from read_json(
    $path, format = 'newline_delimited', ignore_errors = true, maximum_object_size = 33554432,
    columns = {
        call_id: 'INTEGER', event_ids: 'VARCHAR[]', attempts: 'INTEGER', status: 'INTEGER', correlation_id: 'VARCHAR',
        sent_at: 'TIMESTAMPTZ', answered_at: 'TIMESTAMPTZ', refusal: 'VARCHAR', problem: 'VARCHAR', is_last: 'BOOLEAN',
        sent_before: 'INTEGER', answer: 'VARCHAR'
    }
)
where call_id is not null
