-- One row: by which statements this file was made, and for whom. Reads nothing.
-- In the transaction that makes its tables.
insert into analytics.pipeline.made_by values ($statements, $people)
