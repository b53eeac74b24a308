-- One row per event that became valid. Reads validated_presence.
-- Its event id was fixed when it was staged.
insert into outbox
select row_id, 0, null, null from validated_presence where revision = $revision and verdict = 'valid'
