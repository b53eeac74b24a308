-- One row where the person is, or was, a Calven user: the id in small letters. Reads person.
-- Null for an address or a badge alone.
select max(value) from person where kind = 'id'
