-- The one salt, where there is none yet. Reads salt.
-- Another one would make everything that was removed unknown.
insert into salt select $salt where not exists (from salt)
