-- Removes the verdicts that are about to be given again. Reads rows_to_recheck.
-- In the transaction that gives them.
delete from validated_presence where row_id in (from rows_to_recheck)
