-- One row: how many rows came, and how many of them name a person and a day that we recognise. Reads reported.
-- Without any, nothing can be compared.
select count(*), count(*) filter (reported_on is not null and coalesce(user_id, user_email) is not null) from reported
