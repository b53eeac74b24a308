-- One row where something was removed that the analysts' files may still hold, since when (UTC).
-- Until they were made anew, all of them.
create table if not exists snapshot_due (since timestamp not null);
