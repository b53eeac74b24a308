-- A text as a hash that nobody can make without the salt; null of a null.
-- 128 bits of SHA-256 are a key as any event id is.
create or replace temp macro hashed(salt, clear) as left(sha256(salt || chr(31) || clear), 32)::uuid
