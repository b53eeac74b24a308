-- The id; where analysts may read no names and it looks like one (an address, or letters with a space or comma), its pseudonym.
-- Reads the variable names_people. Ids compare without case, so pseudonyms do as well.
create or replace temp macro as_key(id) as case
    when getvariable('names_people') or not regexp_matches(id, '@|\pL.*[\s,;]|[\s,;].*\pL') then id
    else pseudonym(lower(id))
end
