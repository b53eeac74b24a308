-- Removes wordings of outcomes in which the person is named. Reads nothing else.
-- They come back with another row that has them.
delete from unlisted_outcomes where regexp_matches(unlisted, $mention, 'i')
