-- One row: whether something was removed that the analysts' files may still hold. Reads snapshot_due.
-- See snapshot_due.
select exists (from snapshot_due)
