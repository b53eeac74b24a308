-- One row: by which statements this file was made, and for whom. Reads analytics.pipeline.made_by.
-- Where they are others now, the file is made anew.
select statements, people from analytics.pipeline.made_by
