-- The analysts' files hold nothing of what was removed. Reads nothing else.
-- After the last of them was made anew.
delete from snapshot_due
