-- Removes how far refusals were looked through. Reads nothing else.
-- It is written anew right after.
delete from collapses
