-- Removes what is known of the pull that analysts saw. Reads analytics.pipeline.pulled.
-- In the transaction that takes the next one in.
delete from analytics.pipeline.pulled where resource = $resource
