-- One row per call that ended since the last snapshot. Reads calls.
-- Their revision is the one in which they ended.
insert into analytics.calls by name
select * exclude (revision, planned_at) from calls where revision > $synced and answered_at is not null order by call_id
