-- One row: what changes when a number of the report may. Reads pipeline.synced, pipeline.pulled, export_files, snapshot.
-- Days of silence are counted up to `as_of`, so a new day is a change too; a snapshot of the same day with nothing new is none.
select
    (select max((revision, last_row_id)) from pipeline.synced) as synced,
    (select list((resource, sha256) order by resource) from pipeline.pulled) as pulled,
    (select (count(*), max(staged_at)) from export_files) as files,
    as_of::date as today, people, schema_version
from snapshot
