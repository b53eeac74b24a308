-- Counts, for rejections of events that Calven has refused before and that passed our rules again, that they go to Calven
-- once more. Reads validated_presence, answers. Before they are resolved.
update rejections
set sent_again = sent_again + 1
where
    status = 'open'
    and row_id in (select row_id from validated_presence where revision = $revision and verdict = 'valid')
    and row_id in (select row_id from answers where row_id in (from rows_to_recheck))
