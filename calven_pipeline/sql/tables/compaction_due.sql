-- One row where something was removed whose bytes still lie in this file, since when (UTC).
-- The rewritten file has none.
create table if not exists compaction_due (since timestamp not null);
