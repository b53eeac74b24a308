-- One row: ids, addresses and badges of the person, as JSON. Reads person.
-- Heads the file of what is held.
select to_json({
    'user_ids': list(value order by value) filter (kind = 'id'),
    'addresses': list(value order by value) filter (kind = 'address' and is_theirs),
    'badges': list({'source': source, 'badge': value} order by source, value) filter (kind = 'badge' and is_theirs),
    'shared_with_others': list({'kind': kind, 'source': source, 'value': value} order by kind, source, value) filter (not is_theirs)
})::varchar
from person
