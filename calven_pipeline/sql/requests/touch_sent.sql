-- Marks the verdicts of rejected events that are sent once more as news: their outcome is another now. Reads chosen_rows.
-- An accepted event that is sent once more stays accepted.
update validated_presence
set revision = $revision
where row_id in (select row_id from chosen_rows where plan = 'send' and outcome = 'rejected')
