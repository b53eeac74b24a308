-- The text where analysts may read names and addresses, else null; null too where nobody said.
-- Reads the variable names_people.
create or replace temp macro if_named(text) as case when getvariable('names_people') then text end
