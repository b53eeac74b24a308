-- The revision number: every change that analysts must see carries the one that was current.
-- Reads nothing.
create sequence if not exists revision start 1;
