-- One row per outcome: how many rows. Reads analytics.presence.
-- For the metadata of a run.
select outcome, count(*) from analytics.presence group by outcome order by outcome
