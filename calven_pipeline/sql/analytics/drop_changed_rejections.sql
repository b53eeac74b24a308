-- Removes the rejections that changed since the last snapshot, where it held them. Reads rejections.
-- In the transaction that adds them anew.
delete from analytics.rejections where row_id in (select row_id from rejections where revision > $synced)
