-- Removes the calls that ended since the last snapshot, where it held them. Reads calls.
-- In the transaction that adds them.
delete from analytics.calls where call_id in (select call_id from calls where revision > $synced)
