-- One row per badge or door of one source that today's steps write another way. Reads written_again(staged, spelling).
-- Keys compare in small letters.
insert into spellings
select $source, $ours, lower(staged), lower(spelling)
from written_again
where lower(staged) <> lower(spelling)
qualify row_number() over (partition by lower(staged) order by staged) = 1
