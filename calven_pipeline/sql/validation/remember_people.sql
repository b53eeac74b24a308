-- One row per badge or employee number of one source. Reads mapped_people.
-- Keys compare without case.
insert into people
select $source, lower(source_user_id), user_id, user_email from mapped_people where source_user_id is not null
