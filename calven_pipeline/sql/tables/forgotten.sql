-- One row per user id and address of people who were forgotten: a hash with the salt, so that what Calven reports of their days before
-- is known when it comes again, and not kept. No person stands here.
create table if not exists forgotten (person_hash uuid not null);
