-- One row per request. Reads requests.
-- Small: replaced as a whole.
insert into analytics.requests by name select * exclude (request_id) from requests order by request_id
