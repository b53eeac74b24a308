-- At most one row: whether this folder was filled from a sandbox. Reads home.
-- Without a row, nothing was pulled or posted yet.
select is_sandbox from home
