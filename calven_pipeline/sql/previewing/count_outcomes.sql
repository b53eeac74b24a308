-- One row per outcome: how many rows. Reads read_rows.
-- `collapsed` rows are ignored ones with a reason.
select outcome, count(*), count(*) filter (reasons[1] = 'collapsed') from read_rows group by outcome
