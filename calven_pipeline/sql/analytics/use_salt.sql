-- Lets the macros of this connection know the salt. Reads salt.
-- It is written nowhere else.
set variable salt = (select salt from salt)
