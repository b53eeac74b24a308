-- Nothing is due in the file that was just rewritten. Reads nothing else.
-- In the new file, before it takes the old one's place.
delete from compacted.compaction_due
