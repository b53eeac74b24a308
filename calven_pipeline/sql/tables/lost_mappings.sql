-- One row per source and badge or door (`ours`: source_user_id or place) that stood for somebody or somewhere in earlier rows and
-- stands for nobody in newer ones: a rejected row that says so, open for that reason. It goes with the last of these.
create table if not exists lost_mappings (row_id bigint not null, ours varchar not null);
