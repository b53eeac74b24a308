-- The name of a place; null where it holds an address, or is no plain text.
-- Reads nothing.
create or replace temp macro name_of_place(name) as case when not regexp_matches(name, '@|^\s*[\[{]') then name end
