-- The verdicts that are about to be given again. Reads validated_presence, rows_to_recheck.
-- Most rejections stay what they were.
create or replace temp table old_verdicts as
select row_id, verdict, reasons, user_key, location_key, revision from validated_presence where row_id in (from rows_to_recheck)
