-- One row per reason: how many rejections are open. Reads rejections.
-- For the metadata of a run.
select reason, count(*) from rejections where status = 'open' group by reason order by count(*) desc, reason
