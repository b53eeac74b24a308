-- One row per row read that is new or changed. Reads final_rows.
-- Rows come in the order in which they were staged.
insert into analytics.presence by name select * exclude (row_id) from final_rows
