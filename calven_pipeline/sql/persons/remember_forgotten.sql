-- The person's ids and addresses as hashes, each once. Reads person, salt, forgotten.
-- What stands for others too is left out.
insert into forgotten
select hashed((select salt from salt), value) as person_hash
from person
where kind = 'id' or (kind = 'address' and is_theirs)
except
from forgotten
