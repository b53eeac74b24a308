-- At most one row: a random text that goes into every hash of what was removed and every pseudonym, made with the first of them.
-- Without it, event ids and addresses could be guessed. It never leaves this file.
create table if not exists salt (salt varchar not null);
