-- One row per row read that is new or changed. Reads final_rows.
-- In the order of the rows.
insert into analytics.presence by name
select * exclude (row_id) from final_rows order by row_id
