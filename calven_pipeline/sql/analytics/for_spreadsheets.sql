-- A value as text that no spreadsheet runs: an apostrophe before what it would take for a formula. For COPY ... TO a CSV file.
-- Reads nothing. Spaces before the sign, line ends, tabs and the wide signs of East Asian keyboards count too.
create or replace macro for_spreadsheets(value) as
case when regexp_matches(value::varchar, '^\s*[=+@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}-]') then '''' || value::varchar else value::varchar end
