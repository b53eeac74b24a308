-- A UTC time as ISO 8601 text. Reads nothing.
-- For files that leave the machine.
create or replace temp macro iso_utc(moment) as strftime(moment, '%Y-%m-%dT%H:%M:%S.%fZ')
