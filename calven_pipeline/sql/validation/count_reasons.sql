-- One row per first reason of the rows just rejected: how many. Reads validated_presence.
-- For the metadata of a run.
select reasons[1], count(*) from validated_presence where revision = $revision and verdict = 'rejected' group by 1 order by 2 desc, 1
