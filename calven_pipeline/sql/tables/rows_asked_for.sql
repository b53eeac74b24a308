-- One row per rejected row that somebody asked to look at again; the next validation does and empties it.
-- Reads nothing.
create table if not exists rows_asked_for (row_id bigint not null);
