-- Removes what Calven reported earlier for the spans that were asked for again. Reads asked_again.
-- In the transaction that adds what it reports now.
delete from analytics.calven_presence where (first_day, last_day) in (select (first_day, last_day) from asked_again)
