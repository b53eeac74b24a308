-- One row per call planned. Reads planned.
-- Written before the call is first sent.
insert into calls (call_id, revision, source_id, events, planned_at)
select call_id, $revision, any_value(source_id), count(*), now() at time zone 'UTC' from planned group by call_id
