-- One row per chosen event that Calven has accepted, now or once: due again, under the same event id and for the same person.
-- Reads chosen_rows, answers. Tries of before still count.
insert into outbox (row_id, attempts)
select c.row_id, max(a.attempts)
from chosen_rows c join answers a on a.row_id = c.row_id
where c.plan = 'send'
group by c.row_id
