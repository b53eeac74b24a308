-- Removes the badges and doors whose rejection is closed; where another row says it, that one stays. Reads lost_mappings, closed_mappings.
-- A mapping that came back heals all of its rejections.
delete from lost_mappings where (row_id, ours) in (select (row_id, ours) from closed_mappings)
