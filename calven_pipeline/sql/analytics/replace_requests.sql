-- One row per request. Reads requests.
-- Small: replaced as a whole.
insert into analytics.requests by name
select * exclude (request_id) replace (if_named(note) as note) from requests order by request_id
