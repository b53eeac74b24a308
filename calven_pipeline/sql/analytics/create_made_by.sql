-- One row: by which statements this file was made, and for whom. Reads nothing.
-- Where they are others now, the file is made anew.
create table if not exists analytics.pipeline.made_by (statements varchar, people varchar)
