-- One row: whether something was removed whose bytes still lie in the file. Reads compaction_due.
-- See compaction_due.
select exists (from compaction_due)
