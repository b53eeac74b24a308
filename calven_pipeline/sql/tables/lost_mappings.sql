-- One row per source and badge or door (`ours`: source_user_id or place) that stood for somebody or somewhere in earlier rows and
-- stands for nobody in newer ones: the newest rejected row that says so. It goes when that rejection is no longer open.
create table if not exists lost_mappings (row_id bigint not null, ours varchar not null);
