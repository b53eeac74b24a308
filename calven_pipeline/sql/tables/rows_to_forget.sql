-- One row per row of a person who is to be forgotten, until it is removed: an interrupted run is finished by the next.
-- Nothing here says who.
create table if not exists rows_to_forget (row_id bigint not null);
