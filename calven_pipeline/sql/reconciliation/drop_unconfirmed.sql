-- Removes what was looked for in this run. Reads expected.
-- In the transaction that writes down what is still missing.
delete from unconfirmed_presence as u
using (select distinct local_date, user_key from expected) e
where e.local_date = u.local_date and e.user_key = u.user_key
