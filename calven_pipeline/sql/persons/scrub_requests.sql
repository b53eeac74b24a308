-- Takes mentions of the person out of the notes of requests. Reads nothing else.
-- Twice, since two mentions may share what stands between them.
update requests
set note = regexp_replace(regexp_replace(note, $mention, '\1(removed)\2', 'gi'), $mention, '\1(removed)\2', 'gi')
where regexp_matches(note, $mention, 'i')
