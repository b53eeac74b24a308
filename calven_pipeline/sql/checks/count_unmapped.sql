-- One row per kind of key (source_user_id, place) that stands for nobody: how many. Reads unmapped.
-- What is none needs no look at earlier rows.
select ours, count(*) from unmapped group by ours
