-- Counts, for rejections that Calven made and that passed our rules again, that their events go to Calven once more.
-- Reads validated_presence. Before they are resolved.
update rejections
set sent_again = sent_again + 1
where
    status = 'open'
    and stage = 'calven'
    and row_id in (select row_id from validated_presence where revision = $revision and verdict = 'valid')
