-- One row per verdict given: how many. Reads validated_presence.
-- For the metadata of a run.
select verdict, count(*) from validated_presence where revision = $revision group by verdict order by verdict
