-- What stands for an id that analysts may not read: always the same for the same text, and nobody can make it without the salt.
-- Reads the variable salt; null where there is none.
create or replace temp macro pseudonym(id) as 'key-' || left(sha256(getvariable('salt') || chr(31) || 'analysts' || chr(31) || id), 32)
